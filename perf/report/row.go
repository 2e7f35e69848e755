// Package report is what a benchmark run says: a table for people and a file of
// one JSON object a row for programs.
package report

import "ipvd/perf/measure"

// Row is one comparison. The names of its fields in JSON are an interface.
type Row struct {
	Name     string   `json:"name"`
	Ref      string   `json:"ref,omitempty"` // what it is compared with
	Value    *float64 `json:"value,omitempty"`
	Unit     string   `json:"unit,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Ratio    *float64 `json:"ratio,omitempty"` // to the reference
	RatioMin *float64 `json:"ratio_min,omitempty"`
	RatioMax *float64 `json:"ratio_max,omitempty"`
	Rounds   int      `json:"rounds,omitempty"`
	Bar      *float64 `json:"bar,omitempty"` // what is judged must reach
	Goal     string   `json:"goal,omitempty"`
	OK       *bool    `json:"ok"` // nil: not judged
	Why      string   `json:"why,omitempty"`
}

// Mpps is the unit of rates of packets.
const Mpps = "Mpps/cpu-s"

// Unmeasured is a row without figures.
func Unmeasured(name, ref, why string) Row { return Row{Name: name, Ref: ref, Why: why} }

// New is a row with a value but nothing to compare it with.
func New(name, ref string, value measure.Stat, unit string, rounds int) Row {
	return Row{Name: name, Ref: ref, Value: &value.Median, Min: &value.Min, Max: &value.Max, Unit: unit, Rounds: rounds}
}

// Against adds the ratio to the reference.
func (r Row) Against(ratio measure.Stat) Row {
	r.Ratio, r.RatioMin, r.RatioMax = &ratio.Median, &ratio.Min, &ratio.Max
	return r
}

// AtLeast judges the ratio, or the value when there is none: it must not be
// below bar.
func (r Row) AtLeast(bar float64) Row { return r.judge(bar, *r.judged() >= bar) }

// AtMost judges the ratio, or the value when there is none: it must not be above
// bar.
func (r Row) AtMost(bar float64) Row { return r.judge(bar, *r.judged() <= bar) }

// Aim adds where the row is wanted to be, which is printed only.
func (r Row) Aim(goal string) Row {
	r.Goal = goal
	return r
}

func (r Row) judged() *float64 {
	if r.Ratio != nil {
		return r.Ratio
	}
	return r.Value
}

func (r Row) judge(bar float64, ok bool) Row {
	r.Bar, r.OK = &bar, &ok
	return r
}
