package ipvlan

import (
	"errors"
	"strings"
	"testing"
)

func TestWordsAreReadAndWritten(t *testing.T) {
	for _, m := range []Mode{L2, L3, L3S} {
		if got, err := ParseMode(m.String()); got != m || err != nil {
			t.Errorf("mode %v: got %v, %v", m, got, err)
		}
	}
	for _, f := range []Flag{Bridge, Private, VEPA} {
		if got, err := ParseFlag(f.String()); got != f || err != nil {
			t.Errorf("flag %v: got %v, %v", f, got, err)
		}
	}
	for _, s := range []SourceMAC{Rewrite, DropForeign, Pass} {
		if got, err := ParseSourceMAC(s.String()); got != s || err != nil {
			t.Errorf("source MAC policy %v: got %v, %v", s, got, err)
		}
	}
	if got := Mode(9).String(); got != "unknown(9)" {
		t.Errorf("mode 9: got %q", got)
	}
}

func TestAnUnknownWordIsNamedWithTheChoices(t *testing.T) {
	_, mode := ParseMode("l4")
	_, flag := ParseFlag("")
	_, policy := ParseSourceMAC("Drop")
	for _, c := range []struct {
		err   error
		words []string
	}{
		{mode, []string{`"l4"`, "l2, l3, l3s"}},
		{flag, []string{`""`, "bridge, private, vepa"}},
		{policy, []string{`"Drop"`, "rewrite, drop, pass"}},
	} {
		if !errors.Is(c.err, ErrChoice) {
			t.Errorf("%v: is not ErrChoice", c.err)
			continue
		}
		for _, w := range c.words {
			if !strings.Contains(c.err.Error(), w) {
				t.Errorf("%v: does not say %s", c.err, w)
			}
		}
	}
}

func TestEveryReasonHasAnOwnNameAndAMeaning(t *testing.T) {
	seen := map[string]bool{}
	for i, r := range DropReasons() {
		if r.Name == "" || r.Meaning == "" || seen[r.Name] || strings.Contains(r.Meaning, "\n") {
			t.Errorf("reason %d: %+v", i, r)
		}
		seen[r.Name] = true
	}
}
