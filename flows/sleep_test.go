package flows

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// sleepy is a system whose workers sleep soon.
func sleepy(rt *pmdtest.Runtime, workers int) Config {
	cfg := config(rt, workers)
	cfg.IdleSteps, cfg.Look, cfg.Burst, cfg.VectorPackets = 4, time.Hour, 32, 256
	return cfg
}

// relay is a port that interrupts, and one that takes what comes from it.
func relay(rt *pmdtest.Runtime) (in, out *pmdtest.Port) {
	in = rt.NewPort("in", pmdtest.PortOptions{Interrupts: true})
	return in, rt.OtherDriver().NewPort("out", pmdtest.PortOptions{})
}

// untilAsleep waits until every worker sleeps.
func untilAsleep(t testing.TB, s *System) {
	t.Helper()
	for _, w := range s.workers {
		eventually(t, fmt.Sprintf("worker %d sleeps", w.id), w.isAsleep)
	}
}

func TestSleepingWorkerMakesNoSteps(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	in, out := relay(rt)
	s := start(t, sleepy(rt, 1), wire(in, out))
	untilAsleep(t, s)
	// It wakes now and then to see how long that takes, and finds nothing in two
	// steps. A machine that runs this goroutine late sees more of that.
	begin, before := time.Now(), s.Workers()[0]
	time.Sleep(20 * time.Millisecond)
	after := s.Workers()[0]
	took := time.Since(begin)
	if most := 2 * uint64(took/pulse+2); after.Steps-before.Steps > most {
		t.Errorf("%d steps in %v of sleep, want %d at most", after.Steps-before.Steps, took, most)
	}
}

func TestBusyWorkerNeverSleeps(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	in, out := relay(rt)
	s := start(t, config(rt, 1), wire(in, out))
	eventually(t, "ten thousand empty steps", func() bool { return s.Workers()[0].Steps > 10000 })
	if i := s.Workers()[0]; i.Sleeps != 0 || i.Slept != 0 || i.Wake.Total() != 0 {
		t.Errorf("a worker that polls has slept: %+v", i)
	}
}

func TestWorkerThatMakesPacketsNeverSleeps(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	out := rt.NewPort("out", pmdtest.PortOptions{Discard: true})
	s := start(t, sleepy(rt, 1), func(g *Graph) error {
		g.GenerateBurst(func([]*pmd.Mbuf) int { return 0 }).Send(out)
		return nil
	})
	eventually(t, "a thousand steps", func() bool { return s.Workers()[0].Steps > 1000 })
	if n := s.Workers()[0].Sleeps; n != 0 {
		t.Errorf("the generator's worker has slept %d times", n)
	}
}

func TestLoadStepOntoSleepingWorkersLosesNothing(t *testing.T) {
	const workers, rounds, burst = 2, 20, 10000
	rt := pmdtest.NewRuntime(t, 4096)
	in := rt.NewPort("in", pmdtest.PortOptions{Interrupts: true, RxQueues: workers})
	out := rt.OtherDriver().NewPort("out", pmdtest.PortOptions{Discard: true})
	s := start(t, sleepy(rt, workers), wire(in, out))
	fs := frames(burst / workers)
	for round := range uint64(rounds) {
		untilAsleep(t, s)
		for q := range workers {
			in.Inject(q, fs...)
		}
		eventually(t, "the burst is sent", func() bool { return s.Account().Delivered == (round+1)*burst })
	}
	checkAccount(t, s.Account(), nil)
}

// TestNothingIsOverlookedOnTheWayToSleep injects at all moments of going to sleep.
// A frame that is overlooked there waits until the longest sleep is over.
func TestNothingIsOverlookedOnTheWayToSleep(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	in, out := relay(rt)
	s := start(t, sleepy(rt, 1), wire(in, out))
	one := frames(1)
	overlooked := uint64(0)
	for i := range uint64(20000) {
		expired := s.Workers()[0].Wake.Total()
		in.Inject(0, one...)
		eventually(t, "the frame is sent", func() bool { return s.Account().Delivered == i+1 })
		overlooked += s.Workers()[0].Wake.Total() - expired
		out.Sent(0)
	}
	// When this goroutine is off its CPU for so long, a sleep ends by itself: on a
	// busy machine some do. One moment in a hundred that is blind would be 200.
	if overlooked > 60 {
		t.Errorf("%d frames were overlooked", overlooked)
	}
}

func TestQueuesWithoutDescriptorAreLookedAtInTime(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	in := rt.NewPort("in", pmdtest.PortOptions{})
	quick, out := relay(rt)
	cfg := sleepy(rt, 1)
	cfg.Look = time.Millisecond
	s := start(t, cfg, wire(in, out, quick, out))
	eventually(t, "it sleeps by the timer", func() bool { return s.Workers()[0].Wake.Total() > 3 })
	in.Inject(0, frames(3)...)
	eventually(t, "the frames are sent", func() bool { return s.Account().Delivered == 3 })
	if got := len(out.Sent(0)); got != 3 {
		t.Errorf("sent %d frames, want 3", got)
	}
}

func TestSleepingWorkersFollowSwapsAndStop(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	in, out := relay(rt)
	s := start(t, sleepy(rt, 2), wire(in, out))
	const swaps = 50
	var took []time.Duration
	for i := range swaps {
		untilAsleep(t, s)
		a, b := rt.NewPort("a", pmdtest.PortOptions{Interrupts: true}), rt.NewPort("b", pmdtest.PortOptions{})
		// In front of the other pair, whose queue so moves to the other worker.
		begin := time.Now()
		if err := s.Swap(wire(a, b, in, out)); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begin))
		untilAsleep(t, s)
		a.Inject(0, frames(1)...)
		in.Inject(0, frames(1)...)
		eventually(t, "both pairs relay", func() bool { return s.Account().Delivered == uint64(2*i+2) })
		if err := s.Swap(wire(in, out)); err != nil {
			t.Fatal(err)
		}
		a.Close()
		b.Close()
	}
	// A worker that the bell does not wake sleeps until the pulse. Single swaps may
	// take long where others have the CPU.
	if slices.Sort(took); took[swaps/2] > pulse/2 {
		t.Errorf("half of the swaps of sleeping workers took %v or longer", took[swaps/2])
	}
	untilAsleep(t, s)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	checkAccount(t, s.Account(), nil)
}

func TestSleepingWorkerIsInNoStep(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	in, out := relay(rt)
	s := start(t, sleepy(rt, 1), wire(in, out))
	untilAsleep(t, s)
	if err := s.Synchronize(5 * time.Second); err != nil {
		t.Error(err)
	}
}

func TestWakeLatencyIsPublished(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	in, out := relay(rt)
	s := start(t, sleepy(rt, 1), wire(in, out))
	eventually(t, "it has woken up", func() bool { return s.Workers()[0].Wake.Total() > 1 })
	i := s.Workers()[0]
	if p50, p99 := i.Wake.Quantile(0.5), i.Wake.Quantile(0.99); p50 == 0 || p99 < p50 {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
	if i.Sleeps < 2 || i.Slept <= 0 || i.Slept > i.Ran {
		t.Errorf("%d sleeps, %v of %v asleep", i.Sleeps, i.Slept, i.Ran)
	}
}

func TestStepsTowardsSleepAllocateNothing(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	in, out := relay(rt)
	quick := rt.OtherDriver().NewPort("looked at", pmdtest.PortOptions{})
	cfg := sleepy(rt, 1)
	cfg.Look = time.Microsecond
	s := newStepper(t, cfg, wire(in, out, quick, out))
	w := s.sys.workers[0]
	n := testing.AllocsPerRun(100, func() { w.rest(w.turn()) })
	if n != 0 || w.sleeps.Load() < 40 {
		t.Errorf("%v allocations a step, %d sleeps", n, w.sleeps.Load())
	}
}

// TestWorkersShareAnOutput: what several workers send to one queue at once is
// neither lost nor freed twice.
func TestWorkersShareAnOutput(t *testing.T) {
	const workers, rounds, burst = 2, 50, 100
	rt := pmdtest.NewRuntime(t, 4096)
	in := rt.NewPort("in", pmdtest.PortOptions{Interrupts: true, RxQueues: workers})
	out := rt.NewPort("out", pmdtest.PortOptions{})
	s := start(t, sleepy(rt, workers), wire(in, out))
	var injecting sync.WaitGroup
	for q := range workers {
		injecting.Go(func() {
			for r := range rounds {
				for i := range burst {
					in.Inject(q, fmt.Appendf(nil, "queue %d frame %05d", q, r*burst+i))
				}
			}
		})
	}
	injecting.Wait()
	eventually(t, "all is sent", func() bool { return s.Account().Delivered == workers*rounds*burst })
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	next := [workers]int{}
	for _, f := range out.Sent(0) {
		var q, n int
		if _, err := fmt.Sscanf(string(f), "queue %d frame %d", &q, &n); err != nil {
			t.Fatalf("%v: %q", err, f)
		}
		if n != next[q] {
			t.Fatalf("queue %d: frame %d follows %d: out of order", q, n, next[q]-1)
		}
		next[q]++
	}
	checkAccount(t, s.Account(), nil)
}
