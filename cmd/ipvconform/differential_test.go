package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/ipvconform/differential"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/uml"
	"ipvd/cmd/ipvconform/volley"
	"ipvd/flows/ipvlan"
)

// randomFrames is how many frames the test sends, over all modes and flags.
const randomFrames = 2700

// daemonIn builds ipvd and ipvctl in a folder of the test; flags are those of
// go build.
func daemonIn(t *testing.T, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	args := append(append([]string{"build"}, flags...), "-o", dir+"/", "ipvd/cmd/ipvd", "ipvd/cmd/ipvctl")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return dir
}

// golden are the frames and answers that stand in for the kernel's driver.
func golden(t *testing.T) *differential.Golden {
	t.Helper()
	const name = "../../flows/ipvlan/testdata/random"
	all, err := scenario.Load[scenario.Scenario](name + ".scenarios.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	results, err := scenario.Load[scenario.Result](name + ".results.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	g, err := differential.NewGolden(all, results)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// trial runs ipvd from the folder bin against the kernel's side. Its log begins
// each line with title.
func trial(t *testing.T, run differential.Run, bin, title string) *differential.Record {
	t.Helper()
	d := differ{run: run}
	ours := d.daemon(bin)
	run.Ours, run.Progress = ours, func(line string) { t.Log(title + line) }
	r, err := run.Do(t.Context())
	if err = errors.Join(err, ours.Close()); err != nil {
		t.Fatal(err)
	}
	return r
}

// seed is a fresh one, or what IPVD_SEED says: a second try must see what the first
// has seen.
func seed(t *testing.T) uint64 {
	t.Helper()
	given := os.Getenv("IPVD_SEED")
	if given == "" {
		return rand.Uint64N(1 << 32)
	}
	n, err := strconv.ParseUint(given, 10, 64)
	if err != nil {
		t.Fatalf("IPVD_SEED: %v", err)
	}
	return n
}

func TestIpvdAnswersRandomFramesAsTheKernelsDriver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes network namespaces")
	}
	run := differential.Run{Seed: seed(t), Frames: randomFrames, Shrink: 2}
	bin := daemonIn(t)
	if err := uml.Check(); err != nil {
		t.Logf("%v: the golden answers stand in for it", err)
		run.Golden = golden(t)
		run.Kernel = run.Golden
	} else {
		kernel := guestOf(t)
		run.Kernel = kernel
		defer func() {
			plantedBranchIsFound(t, kernel)
			defaultsAreExplained(t, kernel, bin)
		}()
	}
	r := trial(t, run, bin, "")
	t.Log(r.Summary())
	if r.Unexplained > 0 {
		t.Errorf("to repeat: make differential SEED=%d FRAMES=%d", run.Seed, run.Frames)
	}
}

// guestOf boots a guest for the test.
func guestOf(t *testing.T) *differential.Kernel {
	t.Helper()
	guest, _ := newGuest(t)
	const limit = 9 * time.Minute // two busy CPUs take two or three
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	kernel, err := differential.StartKernel(ctx, guest.program, limit)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kernel.Close(); err != nil {
			t.Error(err)
		}
		cancel()
	})
	return kernel
}

// plantedBranchIsFound: a data plane with a wrong branch differs, and the frame
// that shows it is a minimal one.
func plantedBranchIsFound(t *testing.T, kernel differential.Side) {
	t.Chdir("../..")
	overlay, err := one("ICMP from slaves goes to the host", "egress_l2.go", "case !frame.Group():\n\t\treturn toWire",
		"case !frame.Group() && frame.Type() == wire.TypeIPv4 && len(frame) > 23 && frame[23] == 1:\n\t\treturn e.local(toHost, *slot)\n\tcase !frame.Group():\n\t\treturn toWire").overlay(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := trial(t, differential.Run{Kernel: kernel, Seed: 1, Frames: 600, Shrink: 1, Only: "l2-bridge"}, daemonIn(t, "-overlay", overlay),
		"as wanted, with a wrong branch for ICMP: ")
	minimal := false
	for _, c := range r.Cases {
		minimal = minimal || len(c.Minimal) > 0 && len(c.Minimal) <= 34 && c.Minimal[23] == 1
	}
	if !minimal {
		t.Errorf("a wrong branch for ICMP: got %d findings, want one with a minimal frame; %s", len(r.Cases), r.Summary())
	}
}

// defaultsAreExplained: without --compat kernel more differs, all of it as listed.
func defaultsAreExplained(t *testing.T, kernel differential.Side, bin string) {
	r := trial(t, differential.Run{Kernel: kernel, Seed: 2, Frames: 900, Shrink: 1, Defaults: true}, bin, "by default: ")
	for _, id := range []string{"host-reach", "l3-proxy", "foreign-mac"} {
		if r.Differences[id] == 0 {
			t.Errorf("by default: %s explains nothing in %d frames", id, r.Frames)
		}
	}
	if r.Unexplained > 0 {
		t.Errorf("by default: got %s; to repeat: bin/ipvconform differential --defaults --seed 2 --frames 900", r.Summary())
	}
}

func TestGoldenAnswersNothingElse(t *testing.T) {
	g := golden(t)
	s := differential.Lab("l2", "bridge")
	stimuli := g.Stimuli(s.Name)
	if len(stimuli) < 300 {
		t.Fatalf("got %d frames, want at least 300", len(stimuli))
	}
	a, err := g.Fire(t.Context(), s, nil)
	if err != nil || len(a.Outcomes) != 0 {
		t.Errorf("nothing asked: got %d answers and error %v", len(a.Outcomes), err)
	}
	shot := stimuli[0].Shot
	if a, err := g.Fire(t.Context(), s, []volley.Shot{shot, shot}); err != nil || len(a.Outcomes) != 2 {
		t.Errorf("a known frame: got %d answers and error %v, want 2", len(a.Outcomes), err)
	}
	shot.Frame = append([]byte{1}, shot.Frame...)
	if _, err := g.Fire(t.Context(), s, []volley.Shot{shot}); err == nil || !strings.Contains(err.Error(), "no golden answer") {
		t.Errorf("another frame: got error %v", err)
	}
}

func TestRecordsOfRunsAddUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record.json")
	record := func(seed uint64) *differential.Record {
		return &differential.Record{Seeds: []uint64{seed}, Frames: 10, Differences: map[string]int{"tagged": 2},
			Sent: map[string]map[string]map[string]int{"l2-bridge": {"wire": {"arp": 10}}}}
	}
	for seed := range uint64(2) {
		if err := record(seed).Keep(path); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if want := `"frames": 20`; err != nil || !strings.Contains(string(b), want) || !strings.Contains(string(b), `"arp": 20`) {
		t.Errorf("got %s and error %v, want %s", b, err, want)
	}
	if err := record(1).Keep(path); err == nil || !strings.Contains(err.Error(), "seed 1") {
		t.Errorf("a seed twice: got error %v", err)
	}
	if got, want := record(7).Summary(), "differential: seed 7, 10 frames, 1 listed differences, 0 unexplained"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKeptRecordIsOfEveryKindAndUnexplainedNowhere(t *testing.T) {
	var r differential.Record
	b, err := os.ReadFile("testdata/differential.json")
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Seeds) < 10 || r.Frames < 200_000 || r.Unexplained != 0 || r.Kernel == "" {
		t.Errorf("got %s", r.Summary())
	}
	for _, mode := range differential.Modes() {
		for _, flag := range differential.Flags() {
			for _, at := range []string{scenario.Wire, scenario.Host, "s0", "s1", "s2"} {
				for _, kind := range differential.Kinds() {
					if r.Sent[mode+"-"+flag][at][kind] == 0 {
						t.Errorf("%s-%s: no %s was sent from %s", mode, flag, kind, at)
					}
				}
			}
		}
	}
	for id := range r.Differences {
		if !slices.ContainsFunc(ipvlan.Differences(), func(d ipvlan.Difference) bool { return d.ID == id }) {
			t.Errorf("difference %s is in the record, and not listed", id)
		}
	}
}
