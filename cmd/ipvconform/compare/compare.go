package compare

import (
	"fmt"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
)

// Side says whose entry it is that the other has not.
type Side string

// The sides.
const (
	Kernel Side = "kernel"
	Ours   Side = "ipvd"
)

// Finding is an entry that one side has alone.
type Finding struct {
	Scenario, Step string
	Side           Side
	Entry          Entry
	ID             string // of the difference that explains it, empty: none does
}

// String is one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s %s: %s alone: %s", f.Scenario, f.Step, f.Side, f.Entry)
}

// Report is what a comparison found.
type Report struct {
	Steps       int
	Listed      map[string]int // steps by the id that explains something in them
	Unexplained []Finding
}

// Summary is the comparison's last line.
func (r Report) Summary() string {
	steps := map[string]bool{}
	for _, f := range r.Unexplained {
		steps[f.Scenario+" "+f.Step] = true
	}
	return fmt.Sprintf("conformance: %d steps, %d listed differences, %d unexplained", r.Steps, len(r.Listed), len(steps))
}

// Results compares what ipvd did in scenarios with what the kernel's driver
// did. A step or scenario that one of them has not, and a scenario that ended
// early, is an unexplained finding. With defaults, ipvd ran without --compat
// kernel, and more differences are listed.
func Results(scenarios []scenario.Scenario, kernel, ours []scenario.Result, defaults bool) Report {
	r := Report{Listed: map[string]int{}}
	for i := range scenarios {
		s := &scenarios[i]
		k, o := find(kernel, s.Name), find(ours, s.Name)
		for _, step := range s.Steps {
			r.Steps++
			want, got := outcome(k, step.ID), outcome(o, step.ID)
			if want == nil || got == nil {
				r.Unexplained = append(r.Unexplained, Finding{Scenario: s.Name, Step: step.ID, Side: missing(want != nil),
					Entry: Entry{Kind: Status, Port: step.At, Text: "the step: " + k.Error + o.Error}})
				continue
			}
			r.step(situation{scenario: s, step: step, mode: s.Mode, defaults: defaults}, *want, *got)
		}
	}
	return r
}

// missing is the side that has a step alone, the kernel's or ours.
func missing(kernelHas bool) Side {
	if kernelHas {
		return Kernel
	}
	return Ours
}

func find(all []scenario.Result, name string) scenario.Result {
	i := slices.IndexFunc(all, func(r scenario.Result) bool { return r.Name == name })
	if i < 0 {
		return scenario.Result{Error: "there is no result of " + name}
	}
	return all[i]
}

func outcome(r scenario.Result, id string) *scenario.Outcome {
	i := slices.IndexFunc(r.Steps, func(o scenario.Outcome) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Steps[i]
}

// step compares one step.
func (r *Report) step(s situation, want, got scenario.Outcome) {
	ids := map[string]bool{}
	alone := func(side Side, mine, other []Entry) {
		for _, e := range without(mine, other) {
			f := Finding{Scenario: s.scenario.Name, Step: s.step.ID, Side: side, Entry: e}
			if f.ID = s.explain(side, e); f.ID == "" {
				r.Unexplained = append(r.Unexplained, f)
				continue
			}
			ids[f.ID] = true
		}
	}
	k, o := entries(want, s.mode), entries(got, s.mode)
	alone(Kernel, k, o)
	alone(Ours, o, k)
	for id := range ids {
		r.Listed[id]++
	}
}

// without are the entries of a that b has not, counting equal ones.
func without(a, b []Entry) (rest []Entry) {
	left := map[string]int{}
	for _, e := range b {
		left[e.String()]++
	}
	for _, e := range a {
		if key := e.String(); left[key] > 0 {
			left[key]--
		} else {
			rest = append(rest, e)
		}
	}
	return rest
}

// Lines are the report in full: every id with its steps, what is unexplained,
// and the summary.
func (r Report) Lines() string {
	var b strings.Builder
	ids := make([]string, 0, len(r.Listed))
	for id := range r.Listed {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		fmt.Fprintf(&b, "%s: %d steps\n", id, r.Listed[id])
	}
	for _, f := range r.Unexplained {
		fmt.Fprintf(&b, "unexplained: %s\n", f)
	}
	b.WriteString(r.Summary() + "\n")
	return b.String()
}
