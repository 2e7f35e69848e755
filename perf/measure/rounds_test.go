package measure

import (
	"errors"
	"runtime"
	"testing"
	"time"
)

// costs is a variant whose turns take these times for 1000 pieces of work.
func costs(name string, turns ...time.Duration) Variant {
	i := 0
	return Variant{name, func() (Sample, error) {
		i++
		return Sample{1000, turns[(i-1)%len(turns)]}, nil
	}}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	// The machine gets slower by half from round to round; b takes twice as long
	// as a throughout. The first round does not count.
	a := costs("a", 7, 1000, 2000, 4000)
	b := costs("b", 1, 2000, 4000, 8000)
	r, err := Interleave(3, a, b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Ratio(1, 0), (Stat{0.5, 0.5, 0.5}); got != want {
		t.Errorf("ratio %v, want %v", got, want)
	}
	if got, want := r.Rate(0), (Stat{500, 250, 1000}); got != want {
		t.Errorf("rate %v, want %v", got, want)
	}
	if got := r.Spread(0); got != 4 {
		t.Errorf("spread %v, want 4", got)
	}
}

func TestMedianOfAnEvenNumberIsBetween(t *testing.T) {
	r := Rounds{{{1, 1000}}, {{2, 1000}}, {{3, 1000}}, {{10, 1000}}}
	if got, want := r.Rate(0), (Stat{2.5, 1, 10}); got != want {
		t.Errorf("rate %v, want %v", got, want)
	}
}

func TestQuietRepeatsANoisyRun(t *testing.T) {
	// Two runs of two rounds each, with the one before that does not count.
	late := costs("floor", 1, 1000, 2000, 1, 1000, 1100)
	r, err := Quiet(3, 2, late)
	if err != nil || r.Spread(0) > MaxSpread {
		t.Errorf("spread %v, %v, want the second run", r, err)
	}
	if _, err := Quiet(3, 2, costs("floor", 1, 1000, 2000)); !errors.Is(err, ErrNoisy) {
		t.Errorf("%v, want %v", err, ErrNoisy)
	}
}

func TestInterleaveRefusesATurnWithoutWork(t *testing.T) {
	idle := Variant{"idle", func() (Sample, error) { return Sample{0, time.Second}, nil }}
	if _, err := Interleave(1, idle); err == nil {
		t.Error("a variant that did nothing has a rate")
	}
	broken := Variant{"broken", func() (Sample, error) { return Sample{}, errors.ErrUnsupported }}
	if _, err := Interleave(1, broken); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, want the variant's error", err)
	}
}

func TestTurnCountsTheThreadsOwnTime(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	slept, err := Turn(func() (uint64, error) { time.Sleep(20 * time.Millisecond); return 1, nil })
	if err != nil || slept.CPU > 10*time.Millisecond {
		t.Errorf("20 ms of sleep cost %v of CPU time, %v", slept.CPU, err)
	}
}
