package ipvlan

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// scenario is a stimulus and who gets it, as seen on the kernel's driver.
// modes and flags list the set-ups in which it holds, by their first letters;
// each receiver must get the frame once and unchanged, but for l3s's turn
// through the host.
type scenario struct {
	name  string
	modes string // of "l2 l3 l3s"
	flags string // of "bpv"
	at    string
	frame []byte
	want  string
	opts  []option
	out   []byte // what receivers get, when not frame
}

func (s scenario) run(t *testing.T) {
	t.Helper()
	ran := false
	for _, mode := range []Mode{L2, L3, L3S} {
		for _, flag := range []Flag{Bridge, Private, VEPA} {
			if !contains(s.modes, mode.String()) || !strings.Contains(s.flags, flag.String()[:1]) {
				continue
			}
			ran = true
			t.Run(fmt.Sprintf("%s/%v/%v", s.name, mode, flag), func(t *testing.T) {
				l := newLab(t, mode, flag, 3, s.opts...)
				got, sent := l.send(s.at, s.frame)
				if got != s.want {
					t.Fatalf("got %q, want %q", got, s.want)
				}
				for name, frames := range sent {
					if want := s.expected(name); len(frames) != 1 || !bytes.Equal(frames[0], want) {
						t.Errorf("%s got %d frames\n% x\nwant 1\n% x", name, len(frames), frames[0], want)
					}
				}
			})
		}
	}
	if !ran {
		t.Errorf("%s: runs in no mode", s.name)
	}
}

func (s scenario) expected(receiver string) []byte {
	switch {
	case s.out != nil:
		return s.out
	case receiver == "RETURN":
		return turned(s.frame, macReturn, macM)
	case s.at == "RETURN":
		return turned(s.frame, macM, macM)
	}
	return s.frame
}

func contains(words, w string) bool {
	for f := range strings.FieldsSeq(words) {
		if f == w {
			return true
		}
	}
	return false
}

func runAll(t *testing.T, scenarios []scenario) {
	for _, s := range scenarios {
		s.run(t)
	}
}

const (
	all      = "l2 l3 l3s"
	demuxed  = "l2 l3"
	routed   = "l3 l3s"
	anyFlag  = "bpv"
	everyone = "HOST S1 S2 S3"
)
