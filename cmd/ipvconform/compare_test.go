package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/sets"
)

// output is what the program prints for a command line.
func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newRoot()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// written is a set's scenarios in a file.
func written(t *testing.T, set string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), set+".json")
	if out, err := output(t, "scenarios", "--set", set, path); err != nil || !strings.Contains(out, "steps") {
		t.Fatalf("scenarios of %s: got %q and error %v", set, out, err)
	}
	return path
}

func TestSeveralSetsAreComparedAtOnce(t *testing.T) {
	const odd, ipv6 = "testdata/odd.results.json.gz", "testdata/ipv6.results.json.gz"
	changed, err := scenario.Load[scenario.Result](ipv6)
	if err != nil {
		t.Fatal(err)
	}
	changed[0].Steps = changed[0].Steps[:len(changed[0].Steps)-2]
	less := filepath.Join(t.TempDir(), "less.json")
	if err := scenario.Save(less, changed); err != nil {
		t.Fatal(err)
	}
	a, b := written(t, "odd"), written(t, "ipv6")
	out, err := output(t, "compare", a, odd, odd, b, ipv6, ipv6)
	for _, want := range []string{"odd: 416 steps, 0 listed differences, 0 unexplained\n", "ipv6: 138 steps, 0 listed differences, 0 unexplained\n",
		"conformance: 554 steps, 0 listed differences, 0 unexplained\n"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("equal results: got %q and error %v, want %q in it", out, err, want)
		}
	}
	out, err = output(t, "compare", "--defaults", "--brief", a, odd, odd, b, ipv6, less)
	if want := "conformance of the defaults: 554 steps, 0 listed differences, 2 unexplained\n"; out != want || !errors.Is(err, errUnexplained) {
		t.Errorf("two steps less: got %q and error %v, want %q", out, err, want)
	}
	if _, err := output(t, "compare", a, odd); err == nil || !strings.Contains(err.Error(), "2 files") {
		t.Errorf("two files: got error %v, want one that says so", err)
	}
}

func TestUnknownSetIsToldWithTheOthers(t *testing.T) {
	_, err := output(t, "scenarios", "--set", "nosuch", filepath.Join(t.TempDir(), "s.json"))
	if err == nil || !strings.Contains(err.Error(), `"nosuch"`) {
		t.Fatalf("got error %v, want one that names the set", err)
	}
	for _, s := range sets.All() {
		if !strings.Contains(err.Error(), s.Name) {
			t.Errorf("got error %v, want set %s in it", err, s.Name)
		}
	}
}

func TestAsIPItNeedsItsEnvironment(t *testing.T) {
	t.Setenv("IPVCONFORM_IP", "")
	if status := asIP([]string{"link"}); status != 1 {
		t.Errorf("got status %d, want 1", status)
	}
}
