package flows

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

func start(t testing.TB, cfg Config, build Build) *System {
	t.Helper()
	s, err := Start(cfg, build)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// eventually waits for what workers do on their own.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	const limit = time.Minute
	for deadline := time.Now().Add(limit); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

func TestSwapsLoseNoPacketOfOtherOutputs(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 4096)
	const pairs, swaps, perSwap = 4, 60, 20
	var in, out []*pmdtest.Port
	var steady []pmd.Port
	for i := range pairs {
		in = append(in, rt.NewPort(fmt.Sprintf("in%d", i), pmdtest.PortOptions{}))
		out = append(out, rt.OtherDriver().NewPort(fmt.Sprintf("out%d", i), pmdtest.PortOptions{}))
		steady = append(steady, in[i], out[i])
	}
	s := start(t, config(rt, 2), wire(steady...))
	for i := range swaps {
		for j := range pairs {
			in[j].Inject(0, frames(perSwap)...)
		}
		// One pair more in front moves every queue to the other worker.
		a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.OtherDriver().NewPort("b", pmdtest.PortOptions{})
		a.Inject(0, frames(1)...)
		if err := s.Swap(wire(append([]pmd.Port{a, b}, steady...)...)); err != nil {
			t.Fatal(i, err)
		}
		eventually(t, "the new pair relays", func() bool { return a.Waiting(0) == 0 })
		if err := s.Swap(wire(steady...)); err != nil {
			t.Fatal(i, err)
		}
		if got := len(b.Sent(0)); got != 1 {
			t.Fatalf("swap %d: %d frames sent by the port that came and went, want 1", i, got)
		}
		a.Close()
		b.Close()
	}
	eventually(t, "everything is received", func() bool { return s.Account().Received == swaps*(pairs*perSwap+1) })
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for i, p := range out {
		sent := p.Sent(0)
		if len(sent) != swaps*perSwap {
			t.Errorf("output %d sent %d frames, want %d", i, len(sent), swaps*perSwap)
		}
		for j, f := range sent {
			if want := fmt.Sprintf("frame %05d", j%perSwap); string(f) != want {
				t.Fatalf("output %d: frame %d is %q, want %q: out of order", i, j, f, want)
			}
		}
	}
	checkAccount(t, s.Account(), nil)
}

func TestSharedOutputIsLockedOnlyWhenSeveralWorkersSend(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	a := rt.NewPort("a", pmdtest.PortOptions{RxQueues: 2})
	b := rt.NewPort("b", pmdtest.PortOptions{})
	s := start(t, config(rt, 2), wire(a, b))
	if !s.graphs[0].outputs[0].shared || !s.graphs[1].outputs[0].shared {
		t.Error("the queue that two workers send to is not shared")
	}
	one := func(g *Graph) error {
		if g.Worker() == 1 {
			return nil
		}
		return wire(b, b)(g)
	}
	if err := s.Swap(one); err != nil {
		t.Fatal(err)
	}
	if s.graphs[0].outputs[0].shared {
		t.Error("the queue that one worker sends to is shared")
	}
}

func TestStuckWorkerFailsTheSwapAndTheRestGoesOn(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	cfg := config(rt, 2)
	cfg.SwapTimeout = time.Second // the other worker may have to wait for a CPU
	p := rt.NewPort("stuck", pmdtest.PortOptions{})
	q := rt.NewPort("fine", pmdtest.PortOptions{})
	extra := rt.NewPort("extra", pmdtest.PortOptions{})
	s := start(t, cfg, wire(p, p, q, q))
	resume := p.Stall(0)
	eventually(t, "worker 0 is stuck", func() bool { return p.Stalled(0) })
	if err := s.Synchronize(5 * time.Millisecond); !errors.Is(err, ErrStuck) {
		t.Errorf("Synchronize: got %v, want ErrStuck", err)
	}
	err := s.Swap(wire(p, p, q, q, extra, extra))
	if !errors.Is(err, ErrStuck) || !strings.Contains(err.Error(), "worker 0 (CPU -1) with ports stuck") {
		t.Errorf("Swap: got %v, want ErrStuck of worker 0 with its port", err)
	}
	extra.Close() // fails the test when the graph that did not come to be holds it
	q.Inject(0, frames(1)...)
	eventually(t, "the other worker forwards", func() bool { return len(q.Sent(0)) == 1 })
	if err := s.Stop(); !errors.Is(err, ErrStuck) {
		t.Errorf("Stop: got %v, want ErrStuck", err)
	}
	if err := s.Swap(wire()); !errors.Is(err, ErrStopped) {
		t.Errorf("Swap after Stop: got %v, want ErrStopped", err)
	}
	resume()
	eventually(t, "Stop succeeds", func() bool { return s.Stop() == nil })
	if err := s.Stop(); err != nil {
		t.Errorf("Stop again: %v", err)
	}
	checkAccount(t, s.Account(), nil)
}

func TestSynchronizeWaitsForTheStepInProgress(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	p := rt.NewPort("p", pmdtest.PortOptions{})
	var inStage, leave atomic.Bool
	s := start(t, config(rt, 1), func(g *Graph) error {
		o, err := g.Output("slow", p.Tx()[0])
		if err != nil {
			return err
		}
		return g.Input("slow", p.Rx()[0], stageFunc(func(b Burst) {
			for inStage.Store(true); !leave.Load(); {
				runtime.Gosched()
			}
			o.Push(b)
		}))
	})
	p.Inject(0, frames(1)...)
	eventually(t, "the stage runs", inStage.Load)
	if err := s.Synchronize(time.Millisecond); !errors.Is(err, ErrStuck) {
		t.Errorf("while the stage runs: got %v, want ErrStuck", err)
	}
	leave.Store(true)
	if err := s.Synchronize(40 * time.Second); err != nil {
		t.Error(err)
	}
}

func TestControlPlaneAnswersWhileAllCPUsPoll(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	cfg := config(rt, 0)
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; len(cfg.CPUs) < 2 && cpu < 1024; cpu++ {
		if all.IsSet(cpu) {
			cfg.CPUs = append(cfg.CPUs, cpu)
		}
	}
	s := start(t, cfg, wire())
	if got, want := runtime.GOMAXPROCS(0), len(cfg.CPUs)+controlProcs; got < want {
		t.Errorf("GOMAXPROCS is %d, want at least %d", got, want)
	}
	answer := make(chan struct{})
	go func() {
		runtime.GC()
		close(answer)
	}()
	select {
	case <-answer:
	case <-time.After(time.Minute):
		t.Error("a control goroutine got no answer within a minute")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, w := range s.Workers() {
		if w.Steps == 0 {
			t.Errorf("worker %d on CPU %d has not run", w.Worker, w.CPU)
		}
	}
	var after unix.CPUSet
	if err := unix.SchedGetaffinity(0, &after); err != nil || after != all {
		t.Errorf("affinity after Stop is %v (%v), want %v: a pin leaked", after, err, all)
	}
}

func TestStartIsAllOrNothing(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	errNo := errors.New("no more threads")
	for name, tc := range map[string]struct {
		change func(*Config)
		fail   pmdtest.Failures
		want   string
	}{
		"no such CPU": {func(c *Config) { c.CPUs[1] = 1023 }, pmdtest.Failures{}, "worker 1: pin to CPU 1023: "},
		"bad CPU":     {func(c *Config) { c.CPUs[1] = -7 }, pmdtest.Failures{}, "pin to CPU -7: no such CPU"},
		"register":    {func(*Config) {}, pmdtest.Failures{Register: errNo}, "worker 0: register thread: no more"},
		"vector":      {func(c *Config) { c.Stock = 200 }, pmdtest.Failures{}, "worker 1: vector of 64 packets"},
		"no CPUs":     {func(c *Config) { c.CPUs = nil }, pmdtest.Failures{}, "no CPUs"},
		"no pool":     {func(c *Config) { c.Pool = nil }, pmdtest.Failures{}, "no pool"},
		"no runtime":  {func(c *Config) { c.Runtime = nil }, pmdtest.Failures{}, "no runtime"},
		"negative":    {func(c *Config) { c.Burst = -1 }, pmdtest.Failures{}, "burst -1"},
	} {
		cfg := config(rt, 2)
		tc.change(&cfg)
		rt.Fail(tc.fail)
		if _, err := Start(cfg, wire()); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, tc.want)
		}
		rt.Fail(pmdtest.Failures{})
	}
	if n := rt.Threads() + rt.PollSets() + rt.Pool().InUse(); n != 0 {
		t.Errorf("%d threads, poll sets and mbufs left by failed starts", n)
	}
}

func TestSystemsOfOneProcessAreSeparate(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.NewPort("b", pmdtest.PortOptions{})
	first, second := start(t, config(rt, 1), wire(a, a)), start(t, config(rt, 1), wire(b, b))
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	b.Inject(0, frames(5)...)
	eventually(t, "the second system forwards", func() bool { return second.Account().Delivered == 5 })
	if got := first.Account().Delivered; got != 0 {
		t.Errorf("the first system delivered %d packets of the second", got)
	}
}
