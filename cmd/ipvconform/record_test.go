package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/uml"
)

// newRecorder builds the guest's program, or skips the test.
func newRecorder(t *testing.T) recorder {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a guest's root folder is the machine's own")
	}
	if err := uml.Check(); err != nil {
		t.Skip(err)
	}
	guest := filepath.Join(t.TempDir(), "guest")
	build := exec.Command("go", "build", "-o", guest, "ipvd/cmd/ipvconform/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the guest: %v: %s", err, out)
	}
	return recorder{guest: guest, limit: time.Minute}
}

// only is a scenario of the matrix with few steps.
func only(mode string, ids ...string) scenario.Scenario {
	s := matrix.Lab(mode, "bridge")
	for _, step := range matrix.Steps() {
		for _, id := range ids {
			if step.ID == id {
				s.Steps = append(s.Steps, step)
			}
		}
	}
	return s
}

// receivers are the ports whose taps saw a frame come in.
func receivers(o scenario.Outcome) string {
	var ports []string
	for _, f := range o.Seen {
		if f.Dir == scenario.In {
			ports = append(ports, f.Port)
		}
	}
	return strings.Join(ports, " ")
}

func TestRecorderShowsWhatTheDriverDoes(t *testing.T) {
	r := newRecorder(t)
	results, err := r.record(t.Context(), []scenario.Scenario{only("l2", "w.udp4.s0", "s0.raw.udp4.s1.dmM", "s0.stack.udp4.out")})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Error != "" || len(results[0].Steps) != 3 {
		t.Fatalf("got %d steps and error %q, want 3", len(results[0].Steps), results[0].Error)
	}
	in, sibling, out := results[0].Steps[0], results[0].Steps[1], results[0].Steps[2]
	if len(in.UDP) != 1 || in.UDP[0].Port != "s0" || in.UDP[0].Dst != "10.0.0.10" || in.UDP[0].TTL != 64 {
		t.Errorf("%s: sockets got %+v, want s0's alone", in.ID, in.UDP)
	}
	if len(in.Got) != 1 || in.Got[0].Port != "s0" {
		t.Errorf("%s: stacks got %+v, want s0's alone", in.ID, in.Got)
	}
	if got := receivers(sibling); got != "s1" {
		t.Errorf("%s: seen by %q, want s1", sibling.ID, got)
	}
	if got := receivers(out); got != "wire" || out.Delta["s0"]["tx"] != 1 {
		t.Errorf("%s: seen by %q, want wire; counters %v", out.ID, got, out.Delta)
	}
}

func TestRecorderTellsWhatFailedInTheGuest(t *testing.T) {
	r := newRecorder(t)
	s := only("l2", "w.udp4.s0")
	s.Slaves[0].Routes = []string{"nonsense"}
	results, err := r.record(t.Context(), []scenario.Scenario{s})
	if err != nil || !strings.Contains(results[0].Error, "nonsense") || len(results[0].Steps) != 0 {
		t.Errorf("got %+v and error %v, want a result whose error names the route", results, err)
	}
}

func TestGuestThatHangsIsEnded(t *testing.T) {
	r := newRecorder(t)
	r.limit = 3 * time.Second
	s := only("l2", "w.udp4.s0")
	s.Steps[0].WaitMS = 60_000
	if _, err := r.record(t.Context(), []scenario.Scenario{s}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want the deadline", err)
	}
}

func TestRecorderWithoutItsGuestSaysHowToBuildIt(t *testing.T) {
	r := recorder{guest: filepath.Join(t.TempDir(), "none"), limit: time.Second}
	if _, err := r.record(t.Context(), nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "go build") {
		t.Errorf("got error %v, want one that says how to build the guest", err)
	}
}
