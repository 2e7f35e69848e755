package main

import (
	"strings"
	"testing"
)

func TestVersionNeedsNoDaemon(t *testing.T) {
	code, out, errs := runLine("/nowhere/ipvd.sock", "--version")
	if want := "ipvctl version " + Version + " ("; code != 0 || errs != "" || !strings.HasPrefix(out, want) {
		t.Errorf("exit status %d, %q, output %q, want it to begin with %q", code, errs, out, want)
	}
}
