package main

import (
	"os"
	"strings"
	"testing"
)

// inSource makes the source's folder the current one.
func inSource(t *testing.T) {
	t.Helper()
	t.Chdir("../..")
	if _, err := os.Stat(plane); err != nil {
		t.Fatal(err)
	}
}

func TestEveryMutantChangesTheSourceAsItIsNow(t *testing.T) {
	inSource(t)
	if n := len(mutants()); n < 8 {
		t.Errorf("got %d mutants, want at least 8", n)
	}
	for _, m := range mutants() {
		if _, err := m.overlay(t.TempDir()); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

func TestMutantOfAnotherSourceIsAnError(t *testing.T) {
	inSource(t)
	m := one("nothing", "lookup.go", "no such text", "")
	if _, err := m.caught(t.Context()); err == nil || !strings.Contains(err.Error(), "no such text") {
		t.Errorf("got error %v, want one with the text that is not there", err)
	}
	broken := one("broken", "lookup.go", "package ipvlan", "package")
	if _, err := broken.caught(t.Context()); err == nil || !strings.Contains(err.Error(), "build") {
		t.Errorf("got error %v, want the compiler's", err)
	}
}

func TestMutantThatChangesNothingIsMissed(t *testing.T) {
	inSource(t)
	m := one("same", "lookup.go", "return t.Lookup4(a.TargetIP())", "target := a.TargetIP()\n\t\t\treturn t.Lookup4(target)")
	if seen, err := m.caught(t.Context()); seen || err != nil {
		t.Errorf("got caught %v and error %v, want neither", seen, err)
	}
}
