package config

import (
	"slices"
	"strings"
	"testing"
)

func TestParseCPUsReadsListsLikeTaskset(t *testing.T) {
	for in, want := range map[string][]int{
		"0":       {0},
		"0,1":     {0, 1},
		"4,0-2":   {0, 1, 2, 4},
		"0-6:2":   {0, 2, 4, 6},
		"3-3":     {3},
		"1-4:9,0": {0, 1},
		"1023":    {1023},
	} {
		if got, err := ParseCPUs(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseCPUs(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
}

func TestParseCPUsNamesTheWrongPart(t *testing.T) {
	for in, want := range map[string]string{
		"":                     `"" is no CPU`,
		"0,":                   `"" is no CPU`,
		"0,x":                  `"x" is no CPU`,
		"-1":                   `"-1" is no CPU`,
		"1-":                   `"1-" is no CPU`,
		"0-4:0":                `"0-4:0" is no CPU`,
		"4:2":                  `"4:2" is no CPU`,
		"3-1":                  `range "3-1" runs backwards`,
		"0-1,1":                "CPU 1 is given twice",
		"0-4000000000":         "CPU 4000000000",
		"0-2000":               "over the highest number, 1023",
		"99999999999999999999": `is no CPU`,
	} {
		if got, err := ParseCPUs(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseCPUs(%q) = %v, %v; want an error with %q", in, got, err, want)
		}
	}
}

func TestAllowedCPUsIsNeverEmpty(t *testing.T) {
	got, err := allowedCPUs()
	if err != nil || len(got) == 0 || !slices.IsSorted(got) {
		t.Errorf("allowed CPUs are %v, %v; want some in ascending order", got, err)
	}
}
