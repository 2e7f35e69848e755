package report

import (
	"fmt"
	"math"
	"strings"

	"ipvd/cmd/ipvgen/internal/track"
	"ipvd/cmd/ipvgen/internal/trial"
)

// Section is a table of results.
type Section struct {
	Title  string
	Note   string // what the figures are
	Header []string
	Rows   [][]string
}

// Sections gives the tables of d that have rows.
func (d Document) Sections() []Section {
	var kept []Section
	for _, s := range []Section{d.runs(), d.throughput(), d.latency(), d.loss(), d.backToBack(), d.resets()} {
		if len(s.Rows) > 0 {
			kept = append(kept, s)
		}
	}
	return kept
}

func (d Document) runs() Section {
	s := Section{Title: "Run", Note: "refused: not taken by the sending port, whose ring was full; lost: taken and not received",
		Header: []string{"size", "seconds", "sent", "Mpps sent", "received", "Mpps received", "lost", "refused", "duplicates", "reordered", "foreign"}}
	latency := false
	for _, r := range d.Runs {
		s.Rows = append(s.Rows, []string{r.Size, fmt.Sprintf("%.3f", r.Seconds), count(r.Sent()), mpps(r.SentPPS()), count(r.Received),
			mpps(r.ReceivedPPS()), lost(r.Outcome), count(r.Refused), count(r.Duplicate), count(r.Reordered), count(r.Foreign)})
		latency = latency || r.Latency.Count > 0
	}
	if latency {
		s.Header = append(s.Header, latencyHeader()...)
		for i, r := range d.Runs {
			s.Rows[i] = append(s.Rows[i], latencyCells(r.Latency)...)
		}
	}
	return s
}

func (d Document) throughput() Section {
	s := Section{Title: "Throughput", Note: "RFC 2544, 26.1: the highest rate without loss",
		Header: []string{"size", "Mpps", "Gbit/s", "of line", "trials", "limit"}}
	for _, t := range d.Throughput {
		limit := "device"
		switch {
		case t.PPS == 0:
			limit = "no rate passed"
		case t.Limited:
			limit = "generator"
		case math.Abs(t.PPS/t.LinePPS-1) < 0.01:
			limit = "line"
		}
		s.Rows = append(s.Rows, []string{t.Size, mpps(t.PPS), gbit(t.PPS, t.Best), percent(t.PPS / t.LinePPS), fmt.Sprint(len(t.Trials)), limit})
	}
	return s
}

func (d Document) latency() Section {
	s := Section{Title: "Latency", Note: "RFC 2544, 26.2: from making a packet to receiving it, microseconds; each row a trial",
		Header: append([]string{"size", "Mpps", "lost", "packets"}, latencyHeader()...)}
	for _, l := range d.Latency {
		for _, t := range l.Trials {
			s.Rows = append(s.Rows, append([]string{l.Size, mpps(l.PPS), lost(t), count(uint64(t.Latency.Count))}, latencyCells(t.Latency)...))
		}
	}
	return s
}

func (d Document) loss() Section {
	s := Section{Title: "Frame loss", Note: "RFC 2544, 26.3: packets that did not arrive, refused ones included",
		Header: []string{"size", "Mpps asked", "Mpps offered", "of line", "loss"}}
	for _, l := range d.Loss {
		for _, t := range l.Trials {
			s.Rows = append(s.Rows, []string{l.Size, mpps(t.Requested), mpps(t.OfferedPPS()), percent(t.OfferedPPS() / l.LinePPS), percent(t.Loss())})
		}
	}
	return s
}

func (d Document) backToBack() Section {
	s := Section{Title: "Back-to-back", Note: "RFC 2544, 26.4: the longest burst without loss, packets",
		Header: []string{"size", "mean", "repetitions", "trials", "limit"}}
	for _, b := range d.BackToBack {
		limit := "device"
		if b.Limited {
			limit = "longest burst tried"
		}
		s.Rows = append(s.Rows, []string{b.Size, fmt.Sprintf("%.0f", b.Frames), fmt.Sprint(len(b.Found)), fmt.Sprint(b.BackToBack.Trials), limit})
	}
	return s
}

func (d Document) resets() Section {
	s := Section{Title: "Reset", Note: "RFC 6201: time without forwarding, seconds",
		Header: []string{"size", "by loss", "by gap", "offered", "received"}}
	for _, r := range d.Resets {
		s.Rows = append(s.Rows, []string{r.Size, fmt.Sprintf("%.4f", r.ByLoss), fmt.Sprintf("%.4f", r.ByGap), count(r.Outcome.Offered), count(r.Outcome.Received)})
	}
	return s
}

func latencyHeader() []string { return []string{"min µs", "p50", "p99", "p99.9", "max"} }

func latencyCells(l track.Latency) []string {
	if l.Count == 0 {
		return []string{"-", "-", "-", "-", "-"}
	}
	return []string{micros(l.Min), micros(l.At(50)), micros(l.At(99)), micros(l.At(99.9)), micros(l.Max)}
}

func micros(ns int64) string  { return fmt.Sprintf("%.1f", float64(ns)/1e3) }
func mpps(pps float64) string { return fmt.Sprintf("%.4f", pps/1e6) }

func percent(share float64) string { return fmt.Sprintf("%.3g %%", share*100) }

// gbit is a rate on the line, with what a frame takes beyond its bytes.
func gbit(pps float64, o trial.Outcome) string {
	return fmt.Sprintf("%.3f", pps*(o.FrameSize+20)*8/1e9)
}

func lost(o trial.Outcome) string {
	if o.OneWay {
		return "-"
	}
	if o.Lost() == 0 {
		return "0"
	}
	return fmt.Sprintf("%s (%s)", count(o.Lost()), percent(float64(o.Lost())/float64(o.Sent())))
}

// count writes a number with its thousands apart.
func count(n uint64) string {
	s := fmt.Sprint(n)
	var parts []string
	for ; len(s) > 3; s = s[:len(s)-3] {
		parts = append([]string{s[len(s)-3:]}, parts...)
	}
	return strings.Join(append([]string{s}, parts...), " ")
}
