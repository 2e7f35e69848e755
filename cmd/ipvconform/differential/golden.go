package differential

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/volley"
)

// Golden are frames and what the kernel's driver answered to them once. It
// stands in for the driver where that does not run.
type Golden struct {
	scenarios []scenario.Scenario
	answers   map[string]scenario.Outcome // by combination, sender and frame
	release   string
}

// DrawGolden has the kernel's driver answer n frames a combination.
func DrawGolden(ctx context.Context, kernel Side, seed uint64, n int) (all []scenario.Scenario, results []scenario.Result, err error) {
	for i := range combinations() {
		s := labOf(i)
		stimuli := NewGenerator(seed, uint64(i)).Draw(n)
		for j, st := range stimuli {
			s.Steps = append(s.Steps, scenario.Step{ID: fmt.Sprintf("%s %d", st.Kind, j), At: st.At, Hex: scenario.Frames{st.Frame}})
		}
		a, err := kernel.Fire(ctx, labOf(i), shotsOf(stimuli))
		if err != nil {
			return nil, nil, err
		}
		if len(a.Strays) > 0 {
			return nil, nil, fmt.Errorf("%s: %d frames that nobody sent, the first at %s: %x", s.Name, len(a.Strays), a.Strays[0].Port, []byte(a.Strays[0].Hex))
		}
		r := result(s, a)
		for j := range r.Steps {
			r.Steps[j].ID = s.Steps[j].ID
		}
		r.Kernel = a.Kernel
		all, results = append(all, s), append(results, r)
	}
	return all, results, nil
}

// NewGolden takes what DrawGolden gave.
func NewGolden(all []scenario.Scenario, results []scenario.Result) (*Golden, error) {
	g := &Golden{scenarios: all, answers: map[string]scenario.Outcome{}}
	if len(all) != len(results) {
		return nil, fmt.Errorf("golden frames of %d combinations, and answers of %d", len(all), len(results))
	}
	for i, s := range all {
		r := results[i]
		if len(s.Steps) != len(r.Steps) || s.Name != r.Name {
			return nil, fmt.Errorf("golden frames of %s: %d frames, and %d answers of %s", s.Name, len(s.Steps), len(r.Steps), r.Name)
		}
		g.release = r.Kernel
		for j, step := range s.Steps {
			g.answers[s.Name+step.At+string(step.Hex[0])] = r.Steps[j]
		}
	}
	return g, nil
}

// Stimuli are the frames of a combination.
func (g *Golden) Stimuli(name string) (all []Stimulus) {
	i := slices.IndexFunc(g.scenarios, func(s scenario.Scenario) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	for _, step := range g.scenarios[i].Steps {
		kind, _, _ := strings.Cut(step.ID, " ")
		all = append(all, Stimulus{volley.Shot{At: step.At, Frame: step.Hex[0]}, kind})
	}
	return all
}

// Fire gives the answers that are known; others are an error.
func (g *Golden) Fire(_ context.Context, s scenario.Scenario, shots []volley.Shot) (a volley.Answer, err error) {
	a.Kernel = g.release
	for _, shot := range shots {
		o, ok := g.answers[s.Name+shot.At+string(shot.Frame)]
		if !ok {
			return a, fmt.Errorf("%s: no golden answer to %x from %s", s.Name, shot.Frame, shot.At)
		}
		a.Outcomes = append(a.Outcomes, o)
	}
	return a, nil
}
