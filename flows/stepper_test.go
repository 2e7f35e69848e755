package flows

import (
	"errors"
	"strings"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

func TestStepRelaysBetweenDrivers(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	a := rt.NewPort("a", pmdtest.PortOptions{})
	b := rt.OtherDriver().NewPort("b", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 1), wire(a, b, b, a))
	a.Inject(0, frames(10)...)
	b.Inject(0, frames(3)...)
	if n := s.Step(); n != 8+3 {
		t.Errorf("first step received %d packets, want a burst of 8 and 3", n)
	}
	if n := s.Step(); n != 2 {
		t.Errorf("second step received %d packets, want 2", n)
	}
	s.Flush()
	if got := b.Sent(0); len(got) != 10 || string(got[9]) != "frame 00009" {
		t.Errorf("b sent %q, want 10 frames in order", got)
	}
	if got := a.Sent(0); len(got) != 3 {
		t.Errorf("a sent %q, want 3 frames", got)
	}
	checkAccount(t, s.Account(), nil)
}

func TestOutputFlushesWithinAStepWhenItsListIsFull(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	rt.SetListLen(2)
	a := rt.NewPort("a", pmdtest.PortOptions{})
	b := rt.OtherDriver().NewPort("b", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 1), func(g *Graph) error {
		o, err := g.Output("one by one", b.Tx()[0])
		if err != nil {
			return err
		}
		return g.Input("one by one", a.Rx()[0], stageFunc(func(b Burst) {
			for i := range b.N {
				o.Push(Burst{Off: b.Off + i, N: 1})
			}
		}))
	})
	a.Inject(0, frames(8)...)
	s.Step()
	if got := len(b.Sent(0)); got != 6 {
		t.Errorf("%d frames sent within the step, want 6: the list has room for 2", got)
	}
	s.Flush()
	if got := b.Sent(0); len(got) != 2 || string(got[1]) != "frame 00007" {
		t.Errorf("then sent %q, want the last 2", got)
	}
	checkAccount(t, s.Account(), nil)
}

func TestBuildErrorsNameTheFault(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	p := rt.NewPort("p", pmdtest.PortOptions{})
	broken := rt.NewPort("broken", pmdtest.PortOptions{})
	errBroken := errors.New("broken")
	broken.Fail(errBroken)
	for want, build := range map[string]Build{
		"input x: no stage":                   func(g *Graph) error { return g.Input("x", p.Rx()[0], nil) },
		"input x: no receive queue":           func(g *Graph) error { return g.Input("x", nil, stageFunc(nil)) },
		"p rx 0 is polled by workers 0 and 1": func(g *Graph) error { return g.Input("x", p.Rx()[0], stageFunc(nil)) },
		"input y: p rx 0 is an input already": func(g *Graph) error {
			return errors.Join(g.Input("x", p.Rx()[0], stageFunc(nil)), g.Input("y", p.Rx()[0], stageFunc(nil)))
		},
		"output x: no transmit queue":             func(g *Graph) error { _, err := g.Output("x", nil); return err },
		"worker 0: broken tx 0: ":                 func(g *Graph) error { _, err := g.Output("x", broken.Tx()[0]); return err },
		"counter set few is for 1 workers, not 2": func(g *Graph) error { g.Counters(NewCounterSet("few", 1, nil)); return nil },
		"worker 1: not for the second":            func(g *Graph) error { return map[int]error{1: errors.New("not for the second")}[g.Worker()] },
	} {
		if _, err := NewStepper(config(rt, 2), build); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	if n := rt.PollSets(); n != 0 {
		t.Errorf("%d poll sets left open by failed builds", n)
	}
}

func TestFailedSwapKeepsTheGraph(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.NewPort("b", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 1), wire(a, b))
	errNo := errors.New("no memory for a poll set")
	rt.Fail(pmdtest.Failures{PollSet: errNo})
	if err := s.Swap(wire(b, a)); !errors.Is(err, errNo) {
		t.Errorf("Swap: got %v, want %v", err, errNo)
	}
	a.Inject(0, frames(1)...)
	s.Step()
	s.Flush()
	if got := len(b.Sent(0)); got != 1 {
		t.Errorf("%d frames sent after the failed swap, want 1", got)
	}
}

func TestSwapSendsWhatTheOldGraphHadQueued(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.NewPort("b", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 1), wire(a, b))
	a.Inject(0, frames(3)...)
	s.Step()
	if err := s.Swap(func(*Graph) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := len(b.Sent(0)); got != 3 {
		t.Errorf("%d frames sent when the swap is done, want 3", got)
	}
	for _, p := range []*pmdtest.Port{a, b} {
		p.Close() // fails the test when a poll set still holds a queue
	}
	checkAccount(t, s.Account(), nil)
	if got := s.Account().Delivered; got != 3 {
		t.Errorf("delivered %d packets after the ports are gone, want 3", got)
	}
}

func TestAccountDoesNotGrowWithPortsAndSets(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	a := rt.NewPort("a", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 1), wire(a, a))
	for i := range 500 {
		b := rt.NewPort("b", pmdtest.PortOptions{TxCapacity: 1})
		set := NewCounterSet("b", 1, []CounterSpec{{"unwanted", Dropped}})
		if err := s.Swap(func(g *Graph) error {
			g.Counters(set)[0].Load()
			return wire(a, b)(g)
		}); err != nil {
			t.Fatal(err)
		}
		b.SetStats(pmd.PortStats{Missed: 1, OErrors: 1})
		a.Inject(0, frames(3)...)
		s.Step()
		if err := s.Swap(wire(a, a)); err != nil {
			t.Fatal(i, err)
		}
		b.Close()
	}
	checkAccount(t, s.Account(), map[string]uint64{"tx_full": 1000, "imissed": 500, "oerrors": 500})
	l := s.sys.ledger
	if n := len(l.rx) + len(l.tx) + len(l.ports) + len(l.sets); n != 4 {
		t.Errorf("the ledger has %d entries, want those of one port and the framework's set", n)
	}
}

func TestQueueThatComesBackIsCountedOnce(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.NewPort("b", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 1), wire(a, b))
	for range 3 {
		a.Inject(0, frames(2)...)
		s.Step()
		if err := s.Swap(func(*Graph) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if err := s.Swap(wire(a, b)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Account(); got.Received != 6 || got.Delivered != 6 {
		t.Errorf("received %d and delivered %d, want 6", got.Received, got.Delivered)
	}
}
