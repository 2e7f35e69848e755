package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/uml"
)

// programs are a folder with this program, the guest's, ipvd and ipvctl, built
// once for all tests.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "ipvconform-bin-"); err != nil {
		return "", err
	}
	for _, words := range [][]string{
		{"build", "-o", dir + "/", "ipvd/cmd/ipvconform", "ipvd/cmd/ipvd", "ipvd/cmd/ipvctl"},
		{"build", "-o", filepath.Join(dir, "ipvconform-guest"), "ipvd/cmd/ipvconform/guest"},
	} {
		build := exec.Command("go", words...)
		if strings.HasSuffix(words[3], "guest") {
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
		}
		if out, err := build.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("go %s: %w: %s", strings.Join(words, " "), err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programs(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// newGuest gives the folder of programs, or skips the test.
func newGuest(t *testing.T) (g guest, bin string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a guest's root folder is the machine's own")
	}
	if err := uml.Check(); err != nil {
		t.Skip(err)
	}
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return guest{self: filepath.Join(bin, "ipvconform"), program: filepath.Join(bin, "ipvconform-guest"), limit: 3 * time.Minute}, bin
}

func newRecorder(t *testing.T) recorder {
	t.Helper()
	g, _ := newGuest(t)
	return recorder{guest: g, where: inUML}
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

func TestGuestThatHangsIsEndedAndSaysWhereItWas(t *testing.T) {
	r := newRecorder(t)
	r.guest.limit = 20 * time.Second
	s, hangs := only("l2", "w.udp4.s0"), only("l3", "w.udp4.s0")
	s.Name, hangs.Name = "first", "second"
	hangs.Steps[0].WaitMS = 60_000
	results, err := r.record(t.Context(), []scenario.Scenario{s, hangs})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "at scenario second, step w.udp4.s0") {
		t.Errorf("got error %v, want the deadline and the step", err)
	}
	if len(results) != 1 || results[0].Name != "first" || results[0].Error != "" {
		t.Errorf("got %+v, want the result of the first", results)
	}
}

func TestGuestWhoseProgramFailsGivesItsConsole(t *testing.T) {
	g, _ := newGuest(t)
	_, err := g.run(t.Context(), order{words: []string{"record", "--no-such-flag"}}, []scenario.Scenario{only("l2", "w.udp4.s0")})
	if err == nil || !strings.Contains(err.Error(), "0 of 1 scenarios") || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
		t.Errorf("got %v, want what the program said", err)
	}
	g.self = filepath.Join(filepath.Dir(g.self), "none")
	_, err = g.run(t.Context(), order{words: []string{"record"}}, []scenario.Scenario{only("l2", "w.udp4.s0")})
	if err == nil || !strings.Contains(err.Error(), "/mnt/self/none") {
		t.Errorf("got %v, want the program that is not there", err)
	}
}

func TestRecorderWithoutItsGuestSaysHowToBuildIt(t *testing.T) {
	r := recorder{guest: guest{program: filepath.Join(t.TempDir(), "none"), limit: time.Second}, where: inUML}
	if _, err := r.record(t.Context(), nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "go build") {
		t.Errorf("got error %v, want one that says how to build the guest", err)
	}
	r.where = "there"
	if _, err := r.record(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "--where there") {
		t.Errorf("got error %v, want one that names the flag", err)
	}
}
