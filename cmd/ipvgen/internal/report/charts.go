package report

import (
	"cmp"
	"math"
	"slices"

	"ipvd/cmd/ipvgen/internal/track"
	"ipvd/cmd/ipvgen/internal/trial"
)

// charts gives the plots of all documents that have data.
func charts(docs []Document) []Chart {
	var kept []Chart
	for _, c := range []Chart{throughputChart(docs), latencyChart(docs), lossChart(docs)} {
		if len(c.Series)+len(c.Bars) > 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

func throughputChart(docs []Document) Chart {
	c := Chart{Title: "Throughput by frame size", Note: "The highest rate without loss; a dashed mark is what the line carries, where it fits the scale.",
		X: Axis{Label: "frame size, bytes with FCS"}, Y: Axis{Label: "Mpps"}}
	for _, d := range docs {
		for _, t := range d.Throughput {
			c.Bars = append(c.Bars, Bar{t.Size, t.PPS / 1e6, t.LinePPS / 1e6})
		}
	}
	return c
}

func latencyChart(docs []Document) Chart {
	c := Chart{Title: "Latency percentiles", Note: "From making a packet to receiving it.",
		X: Axis{Label: "percentile", Ticks: percentTicks()}, Y: Axis{Label: "µs", Log: true}}
	add := func(name string, l track.Latency) {
		s := Series{Name: name}
		for _, p := range l.Percentiles {
			if p.Percent < 100 {
				s.Points = append(s.Points, [2]float64{nines(p.Percent), float64(p.Nanos) / 1e3})
			}
		}
		if len(s.Points) > 0 {
			c.Series = append(c.Series, s)
		}
	}
	for _, d := range docs {
		for _, r := range d.Runs {
			add(r.Size+" at "+mpps(r.SentPPS())+" Mpps", r.Latency)
		}
		for _, l := range d.Latency {
			for i, t := range l.Trials {
				if i == 0 { // the table has the others
					add(l.Size+" at "+mpps(l.PPS)+" Mpps", t.Latency)
				}
			}
		}
		if len(d.Latency) == 0 {
			for _, t := range d.Throughput {
				add(t.Size+" at "+mpps(t.PPS)+" Mpps", t.Best.Latency)
			}
		}
	}
	return c
}

func lossChart(docs []Document) Chart {
	c := Chart{Title: "Loss by load", Note: "Packets that did not arrive, of all trials; refused ones included.",
		X: Axis{Label: "Mpps offered"}, Y: Axis{Label: "loss, %"}}
	add := func(size string, trials []trial.Outcome) {
		i := slices.IndexFunc(c.Series, func(s Series) bool { return s.Name == size })
		if i < 0 {
			i = len(c.Series)
			c.Series = append(c.Series, Series{Name: size})
		}
		for _, t := range trials {
			c.Series[i].Points = append(c.Series[i].Points, [2]float64{t.OfferedPPS() / 1e6, t.Loss() * 100})
		}
	}
	for _, d := range docs {
		for _, l := range d.Loss {
			add(l.Size, l.Trials)
		}
		for _, t := range d.Throughput {
			add(t.Size, t.Throughput.Trials)
		}
	}
	for _, s := range c.Series {
		slices.SortFunc(s.Points, func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) })
	}
	return c
}

// nines places a percentile so that each further nine takes the same room.
func nines(percent float64) float64 { return -math.Log10(1 - percent/100) }

func percentTicks() []Tick {
	return []Tick{{0, "0"}, {nines(50), "50"}, {1, "90"}, {2, "99"}, {3, "99.9"}, {4, "99.99"}, {5, "99.999"}}
}
