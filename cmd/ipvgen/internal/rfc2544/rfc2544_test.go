package rfc2544

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/ipvgen/internal/track"
	"ipvd/cmd/ipvgen/internal/trial"
)

// device is a device under test with a known speed and buffer, and a generator
// with a known speed before it.
type device struct {
	pps       float64 // that it forwards
	buffer    float64 // packets that it holds on top
	generator float64 // that the tester can offer; 0: anything
	fail      error
	loads     []trial.Load
}

func (d *device) try(_ context.Context, l trial.Load) (trial.Outcome, error) {
	d.loads = append(d.loads, l)
	rate := l.PPS
	if d.generator > 0 {
		rate = min(rate, d.generator)
	}
	seconds := l.Duration.Seconds()
	if l.Count > 0 {
		seconds = float64(l.Count) / rate
	}
	offered := math.Round(rate * seconds)
	lost := math.Max(0, offered-d.pps*seconds-d.buffer)
	return trial.Outcome{Requested: l.PPS, Seconds: seconds, Offered: uint64(offered), Received: uint64(offered - math.Ceil(lost)),
		Latency: track.Latency{Count: int64(offered), Mean: 1000 * float64(len(d.loads))}}, d.fail
}

func search() Search {
	return Search{Max: 14.88e6, Resolution: 0.001, Duration: time.Second}
}

func TestThroughputIsFoundToTheResolution(t *testing.T) {
	for _, pps := range []float64{100e3, 1e6, 7.44e6, 14.8e6} {
		d := &device{pps: pps}
		got, err := FindThroughput(t.Context(), d.try, search())
		if err != nil {
			t.Fatal(err)
		}
		if got.PPS > pps+1 || got.PPS < pps-0.001*14.88e6-1 || got.Limited || got.Best.Loss() != 0 {
			t.Errorf("a device of %v pps has a throughput of %v (%+v)", pps, got.PPS, got.Best)
		}
		if len(got.Trials) > 12 || len(got.Trials) != len(d.loads) {
			t.Errorf("%v pps took %d trials, %d kept; want at most 12, all kept", pps, len(d.loads), len(got.Trials))
		}
	}
}

func TestFastDeviceTakesOneTrial(t *testing.T) {
	d := &device{pps: 20e6}
	got, err := FindThroughput(t.Context(), d.try, search())
	if err != nil || len(got.Trials) != 1 || got.PPS != 14.88e6 || got.Limited {
		t.Errorf("%+v, %v; want the line's rate from one trial", got, err)
	}
}

func TestDeadDeviceHasNoThroughput(t *testing.T) {
	got, err := FindThroughput(t.Context(), (&device{}).try, search())
	if err != nil || got.PPS != 0 || got.Best.Offered != 0 || len(got.Trials) == 0 {
		t.Errorf("%+v, %v; want none", got, err)
	}
}

func TestSlowGeneratorIsNamedAsTheLimit(t *testing.T) {
	got, err := FindThroughput(t.Context(), (&device{pps: 20e6, generator: 3e6}).try, search())
	if err != nil || !got.Limited || math.Abs(got.PPS-3e6) > 1 {
		t.Errorf("%v pps, limited %v, %v; want 3e6 with the limit named", got.PPS, got.Limited, err)
	}
	got, err = FindThroughput(t.Context(), (&device{pps: 2e6, generator: 3e6}).try, search())
	if err != nil || got.Limited || math.Abs(got.PPS-2e6) > 20e3 {
		t.Errorf("%v pps, limited %v, %v; want 2e6, the device's own", got.PPS, got.Limited, err)
	}
}

func TestSenderThatLostItsCPUOnceIsNotTheLimit(t *testing.T) {
	d := &device{pps: 20e6, generator: 3e6}
	once := func(ctx context.Context, l trial.Load) (trial.Outcome, error) {
		o, err := d.try(ctx, l)
		d.generator = 0
		return o, err
	}
	got, err := FindThroughput(t.Context(), once, search())
	if err != nil || got.Limited || got.PPS != 14.88e6 || len(got.Trials) != 2 {
		t.Errorf("%v pps, limited %v, %d trials (%v); want the line's rate from the second", got.PPS, got.Limited, len(got.Trials), err)
	}
}

// TestBusyMachineIsNotTakenForASlowGenerator loses the sender's CPU in all
// trials below 3 Mpps, after it has shown that it can offer 14.88.
func TestBusyMachineIsNotTakenForASlowGenerator(t *testing.T) {
	d := &device{pps: 2.5e6}
	busy := func(ctx context.Context, l trial.Load) (trial.Outcome, error) {
		d.generator = 0
		if l.PPS < 3e6 {
			d.generator = l.PPS * 0.9
		}
		return d.try(ctx, l)
	}
	got, err := FindThroughput(t.Context(), busy, search())
	if err != nil || got.Limited || got.PPS > 2.5e6 || got.PPS < 1e6 || len(got.Trials) > 40 {
		t.Errorf("%v pps, limited %v, %d trials (%v); want up to 2.5e6 and no word of the generator", got.PPS, got.Limited, len(got.Trials), err)
	}
}

func TestToleranceLetsSomeLossPass(t *testing.T) {
	s := search()
	s.Tolerance = 0.1
	got, err := FindThroughput(t.Context(), (&device{pps: 9e6}).try, s)
	if err != nil || math.Abs(got.PPS-10e6) > 20e3 {
		t.Errorf("%v pps (%v), want 10e6: a tenth more than the device forwards", got.PPS, err)
	}
}

func TestLossIsTriedDownToTwoCleanTrials(t *testing.T) {
	all, err := LossRates(t.Context(), (&device{pps: 7.5e6}).try, search(), 0.1)
	if err != nil {
		t.Fatal(err)
	}
	// 100 % to 60 % lose, 50 % and 40 % do not.
	if len(all) != 7 || all[0].Requested != 14.88e6 || all[4].Loss() == 0 || all[5].Loss() != 0 || all[6].Loss() != 0 {
		t.Errorf("%d trials: %+v", len(all), all)
	}
	if got, want := all[0].Loss(), 1-7.5/14.88; math.Abs(got-want) > 1e-3 {
		t.Errorf("loss at the line's rate is %v, want %v", got, want)
	}
	if all, err = LossRates(t.Context(), (&device{}).try, search(), 0.1); err != nil || len(all) != 10 {
		t.Errorf("a dead device takes %d trials (%v), want 10", len(all), err)
	}
}

func TestLatencyIsTheMeanOfItsTrials(t *testing.T) {
	d := &device{pps: 1e6}
	l, err := MeasureLatency(t.Context(), d.try, 5e5, time.Second, 4)
	if err != nil || l.Mean != 2500 || len(l.Trials) != 4 || d.loads[3] != (trial.Load{PPS: 5e5, Duration: time.Second}) {
		t.Errorf("%+v, %v; want a mean of 1000, 2000, 3000 and 4000", l, err)
	}
	if _, err = MeasureLatency(t.Context(), d.try, 0, time.Second, 1); err == nil || !strings.Contains(err.Error(), "none of 0") {
		t.Errorf("error %v, want that nothing came back", err)
	}
}

func TestLongestBurstIsFoundToAHundredth(t *testing.T) {
	// At 10 Mpps against 5 Mpps half of a burst piles up.
	for buffer, want := range map[float64]float64{1000: 2000, 50: 100, 1: 2} {
		b, err := FindBurst(t.Context(), (&device{pps: 5e6, buffer: buffer}).try, Burst{PPS: 10e6, Max: 1 << 20, Repeat: 3})
		if err != nil || math.Abs(b.Frames-want) > want/burstShare+1 || len(b.Found) != 3 || b.Limited {
			t.Errorf("a buffer of %v takes %+v (%v), want bursts of %v", buffer, b, err, want)
		}
	}
	b, err := FindBurst(t.Context(), (&device{pps: 20e6}).try, Burst{PPS: 10e6, Max: 1000, Repeat: 1})
	if err != nil || b.Frames != 1000 || !b.Limited || b.Trials != 1 {
		t.Errorf("a fast device: %+v, %v", b, err)
	}
	b, err = FindBurst(t.Context(), (&device{}).try, Burst{PPS: 10e6, Max: 1000, Repeat: 1})
	if err != nil || b.Frames != 0 {
		t.Errorf("a dead device: %+v, %v", b, err)
	}
}

func TestErrorsOfATrialEndTheTest(t *testing.T) {
	d := &device{fail: errors.New("port is gone")}
	_, e1 := FindThroughput(t.Context(), d.try, search())
	_, e2 := LossRates(t.Context(), d.try, search(), 0.1)
	_, e3 := MeasureLatency(t.Context(), d.try, 1, time.Second, 2)
	_, e4 := FindBurst(t.Context(), d.try, Burst{PPS: 1, Max: 1, Repeat: 2})
	_, e5 := MeasureReset(t.Context(), d.try, trial.Load{PPS: 1}, time.Hour, func(context.Context) error { return nil })
	for i, err := range []error{e1, e2, e3, e4, e5} {
		if !errors.Is(err, d.fail) {
			t.Errorf("test %d: error %v, want the trial's", i+1, err)
		}
	}
	if len(d.loads) != 5 {
		t.Errorf("%d trials after the first failed, want 1 for each test", len(d.loads))
	}
}

// resetTrial waits until reset was called, as a trial that lasts longer does.
func resetTrial(o trial.Outcome, called <-chan struct{}) Trial {
	return func(ctx context.Context, _ trial.Load) (trial.Outcome, error) {
		select {
		case <-called:
		case <-ctx.Done():
		}
		return o, nil
	}
}

func TestResetTimeByLossAndByGap(t *testing.T) {
	called := make(chan struct{})
	reset := func(context.Context) error { close(called); return nil }
	o := trial.Outcome{Seconds: 10, Offered: 100000, Received: 85000, LongestGap: 1.4e9, Silence: 1000}
	r, err := MeasureReset(t.Context(), resetTrial(o, called), trial.Load{}, 0, reset)
	if err != nil || r.ByLoss != 1.5 || r.ByGap != 1.4 {
		t.Errorf("%+v, %v; want 1.5 s by loss, 1.4 s by gap", r, err)
	}
}

func TestDeviceThatStaysDownHasNotRecovered(t *testing.T) {
	called := make(chan struct{})
	reset := func(context.Context) error { close(called); return nil }
	o := trial.Outcome{Seconds: 10, Offered: 100, Received: 50, LongestGap: 1e6, Silence: 5e9}
	if _, err := MeasureReset(t.Context(), resetTrial(o, called), trial.Load{}, 0, reset); !errors.Is(err, ErrNoRecovery) {
		t.Errorf("error %v, want ErrNoRecovery", err)
	}
}

func TestResetThatFailsEndsTheTrial(t *testing.T) {
	broken := errors.New("exit status 1")
	_, err := MeasureReset(t.Context(), resetTrial(trial.Outcome{}, nil), trial.Load{}, 0, func(context.Context) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the reset", err)
	}
}
