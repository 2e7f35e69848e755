package dpdk

import (
	"regexp"
	"testing"
)

func TestVersionIsANumber(t *testing.T) {
	if got := Version(); !regexp.MustCompile(`^\d+\.\d+(\.\d+)?`).MatchString(got) {
		t.Errorf("version %q, want one such as 22.11.7", got)
	}
}
