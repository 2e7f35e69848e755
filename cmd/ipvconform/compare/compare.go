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

// Add takes in what another comparison found.
func (r *Report) Add(o Report) {
	r.Steps += o.Steps
	r.Unexplained = append(r.Unexplained, o.Unexplained...)
	for id, n := range o.Listed {
		r.Listed[id] += n
	}
}

// Summary is the comparison's last line.
func (r Report) Summary(title string) string {
	steps := map[string]bool{}
	for _, f := range r.Unexplained {
		steps[f.Scenario+" "+f.Step] = true
	}
	return fmt.Sprintf("%s: %d steps, %d listed differences, %d unexplained", title, r.Steps, len(r.Listed), len(steps))
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
		if !listened(k) {
			o = deaf(o)
		}
		now, parted := state{mode: s.Mode, flag: s.FlagWord()}, newParted(s.Mode, s.FlagWord())
		for n, step := range s.Steps {
			r.Steps++
			want, got := outcome(k, n, step.ID), outcome(o, n, step.ID)
			if want == nil || got == nil {
				r.Unexplained = append(r.Unexplained, Finding{Scenario: s.Name, Step: step.ID, Side: missing(want != nil),
					Entry: Entry{Kind: Status, Port: step.At, Text: "the step: " + k.Error + o.Error}})
				continue
			}
			now = now.after(step, *want)
			parted.take(step, *want, *got)
			r.step(situation{scenario: s, step: step, before: s.Steps[:n], state: now, parted: parted, defaults: defaults, kernel: want, ours: got})
		}
	}
	return r
}

// listened reports that the recorder of a result watched the host's protocol
// handlers; not every one does. One that saw nothing there says so by an empty
// list.
func listened(r scenario.Result) bool {
	return slices.ContainsFunc(r.Steps, func(o scenario.Outcome) bool { return o.Got != nil })
}

// deaf is a result without what those handlers got.
func deaf(r scenario.Result) scenario.Result {
	r.Steps = slices.Clone(r.Steps)
	for i := range r.Steps {
		r.Steps[i].Got = nil
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

// outcome is that of the step that is number n, or of another of its name.
func outcome(r scenario.Result, n int, id string) *scenario.Outcome {
	if n >= 0 && n < len(r.Steps) && r.Steps[n].ID == id {
		return &r.Steps[n]
	}
	i := slices.IndexFunc(r.Steps, func(o scenario.Outcome) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Steps[i]
}

// step compares one step.
func (r *Report) step(s situation) {
	ids := map[string]bool{}
	alone := func(side Side, mine, other []Entry) {
		for _, e := range without(mine, other) {
			f := Finding{Scenario: s.scenario.Name, Step: s.step.ID, Side: side, Entry: e}
			if f.ID = s.explain(side, e); f.ID == "" {
				r.Unexplained = append(r.Unexplained, f)
				continue
			}
			ids[f.ID] = true
			s.found = append(s.found, f)
		}
	}
	k, o := s.timely(entries(*s.kernel, s.mode)), s.timely(entries(*s.ours, s.mode))
	if s.scenario.IPTables {
		k, o = append(k, counted(*s.kernel)...), append(o, counted(*s.ours)...)
	}
	// Frames first: what a command told may follow from them.
	for _, told := range []bool{false, true} {
		alone(Kernel, only(k, told), only(o, told))
		alone(Ours, only(o, told), only(k, told))
	}
	for id := range ids {
		r.Listed[id]++
	}
}

// only are the entries of what was told or counted, or the others.
func only(all []Entry, told bool) (some []Entry) {
	for _, e := range all {
		if (e.Kind == Status || e.Kind == Fact || e.Kind == Counted) == told {
			some = append(some, e)
		}
	}
	return some
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

// Details are a line for every id with its steps, and one for each finding that is
// unexplained.
func (r Report) Details() string {
	var b strings.Builder
	for _, id := range sortedKeys(r.Listed) {
		fmt.Fprintf(&b, "%s: %d steps\n", id, r.Listed[id])
	}
	for _, f := range r.Unexplained {
		fmt.Fprintf(&b, "unexplained: %s\n", f)
	}
	return b.String()
}
