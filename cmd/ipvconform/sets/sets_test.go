package sets

import (
	"slices"
	"testing"

	"ipvd/cmd/ipvconform/scenario"
)

func TestScenariosAreRightAndTheirNamesOnce(t *testing.T) {
	names := map[string]bool{}
	for _, set := range All() {
		for _, s := range set.Make() {
			if names[s.Name] {
				t.Errorf("%s: scenario %s is there twice", set.Name, s.Name)
			}
			names[s.Name] = true
			if err := s.Check(); err != nil {
				t.Errorf("%s: %v", set.Name, err)
			}
			ids := map[string]bool{}
			for _, step := range s.Steps {
				if ids[step.ID] {
					t.Errorf("%s: step %s is there twice", s.Name, step.ID)
				}
				ids[step.ID] = true
			}
		}
	}
}

func TestDrawnStepsAreTheSameAgain(t *testing.T) {
	one, two := drawn("l3", "vepa", 1), drawn("l3", "vepa", 1)
	same := func(a, b scenario.Step) bool {
		return a.At == b.At && a.Cmd == b.Cmd && (a.UDP == nil) == (b.UDP == nil) && slices.EqualFunc(a.Hex, b.Hex, func(x, y scenario.Hex) bool { return slices.Equal(x, y) })
	}
	if !slices.EqualFunc(one.Steps, two.Steps, same) {
		t.Error("equal seeds give other steps")
	}
	if slices.EqualFunc(one.Steps, drawn("l3", "vepa", 2).Steps, same) {
		t.Error("another seed gives the same steps")
	}
}

// golden is where a set's recorded results are.
func golden(set string) string {
	if set == "matrix" {
		return "../../../flows/ipvlan/testdata/matrix.results.json.gz"
	}
	return "../testdata/" + set + ".results.json.gz"
}

func TestRecordedResultsAreOfTheseScenarios(t *testing.T) {
	for _, set := range All() {
		results, err := scenario.Load[scenario.Result](golden(set.Name))
		if err != nil {
			t.Fatal(err)
		}
		want := set.Make()
		if len(results) != len(want) {
			t.Fatalf("%s: recorded %d scenarios, want %d: record them again with `make oracle`", set.Name, len(results), len(want))
		}
		for i, s := range want {
			r := results[i]
			same := slices.EqualFunc(r.Steps, s.Steps, func(o scenario.Outcome, step scenario.Step) bool { return o.ID == step.ID && o.At == step.At })
			if r.Name != s.Name || r.Mode != s.Mode || r.Error != "" || !same {
				t.Errorf("%s: recorded %s with %d steps and error %q, want %s with %d: record them again with `make oracle`",
					set.Name, r.Name, len(r.Steps), r.Error, s.Name, len(s.Steps))
			}
		}
	}
}
