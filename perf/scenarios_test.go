package main

import (
	"regexp"
	"slices"
	"testing"

	"ipvd/perf/report"
)

func TestFilterChoosesScenariosAndRows(t *testing.T) {
	all := []scenario{
		{name: "ingress", rows: []string{"ingress/b32", "ingress/b128"}},
		{name: "egress", rows: []string{"egress/l2"}},
	}
	for filter, want := range map[string][][]string{
		"":          {{"ingress/b32", "ingress/b128"}, {"egress/l2"}},
		"^ingress$": {{"ingress/b32", "ingress/b128"}},
		"b128|l2":   {{"ingress/b128"}, {"egress/l2"}},
		"nothing":   nil,
	} {
		var got [][]string
		for _, s := range chosen(all, regexp.MustCompile(filter)) {
			got = append(got, s.rows)
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("filter %q chose %v, want %v", filter, got, want)
		}
	}
	if n := len(all[0].rows); n != 2 {
		t.Errorf("choosing has left %d rows of 2", n)
	}
}

func TestScenarioGivesOnlyWhatIsAskedFor(t *testing.T) {
	s := scenario{rows: []string{"b"}, run: func(b *bench) ([]report.Row, error) {
		if b.wants("a") || !b.wants("b") {
			t.Error("want only row b to be wanted")
		}
		return []report.Row{{Name: "a"}, {Name: "b"}}, nil
	}}
	rows, err := s.measured(&bench{})
	if err != nil || len(rows) != 1 || rows[0].Name != "b" {
		t.Errorf("got %v, %v, want row b alone", rows, err)
	}
}

func TestRowsHaveOneScenario(t *testing.T) {
	seen := map[string]string{}
	for _, s := range scenarios() {
		for _, row := range s.rows {
			if other, ok := seen[row]; ok {
				t.Errorf("row %s is of scenarios %s and %s", row, other, s.name)
			}
			seen[row] = s.name
		}
	}
}
