package differential

import (
	"fmt"
	"strconv"

	"ipvd/cmd/ipvconform/compare"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/volley"
)

// Verdict is what a comparison of volleys found.
type Verdict struct {
	// Listed are frames by the id of the difference that explains something in
	// what they gave.
	Listed map[string]int
	// Odd are the findings that nothing explains, by the frame's place.
	Odd map[int][]compare.Finding
	// Strays are frames that one side saw and nobody sent.
	Strays []compare.Finding
	// Dropped is what ipvd counted as dropped, by place and reason.
	Dropped map[string]int64
}

// judge compares what shots gave on both sides.
func judge(s scenario.Scenario, shots []volley.Shot, kernel, ours volley.Answer, defaults bool) Verdict {
	s.Steps = nil
	for i, shot := range shots {
		s.Steps = append(s.Steps, scenario.Step{ID: strconv.Itoa(i), At: shot.At, Hex: scenario.Frames{shot.Frame}})
	}
	r := compare.Results([]scenario.Scenario{s}, []scenario.Result{result(s, kernel)}, []scenario.Result{result(s, ours)}, defaults)
	v := Verdict{Listed: r.Listed, Odd: map[int][]compare.Finding{}, Dropped: ours.Dropped}
	for _, f := range r.Unexplained {
		i, err := strconv.Atoi(f.Step)
		if err != nil {
			continue
		}
		v.Odd[i] = append(v.Odd[i], f)
	}
	v.Strays = append(strays(s.Name, compare.Kernel, kernel, ours), strays(s.Name, compare.Ours, ours, kernel)...)
	return v
}

// result is an answer as a scenario's result.
func result(s scenario.Scenario, a volley.Answer) scenario.Result {
	r := scenario.Result{Name: s.Name, Mode: s.Mode, Flag: s.Flag, Error: a.Error}
	for i, o := range a.Outcomes {
		o.ID = strconv.Itoa(i)
		if o.Got == nil {
			o.Got = []scenario.Frame{} // volleys watch the host's handlers always
		}
		r.Steps = append(r.Steps, o)
	}
	return r
}

// strays are those of a that b has not.
func strays(name string, side compare.Side, a, b volley.Answer) (all []compare.Finding) {
	left := map[string]int{}
	key := func(f scenario.Frame) string { return fmt.Sprintf("%s %x", f.Port, []byte(f.Hex)) }
	for _, f := range b.Strays {
		left[key(f)]++
	}
	for _, f := range a.Strays {
		if left[key(f)]--; left[key(f)] < 0 {
			all = append(all, compare.Finding{Scenario: name, Step: "stray", Side: side,
				Entry: compare.Entry{Kind: compare.Arrived, Port: f.Port, Frame: []byte(f.Hex), TCI: -1}})
		}
	}
	return all
}

// sign is what findings of the same kind have in common.
func sign(f compare.Finding) string {
	return fmt.Sprintf("%s %s at %s", f.Side, f.Entry.Kind, f.Entry.Port)
}
