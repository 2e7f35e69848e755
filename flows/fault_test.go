package flows

import (
	"strings"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// fragile is a graph from a to b, with a stage that panics after it has done
// what before says.
func fragile(a, b pmd.Port, before func(g *Graph, o *Output, burst Burst)) Build {
	return func(g *Graph) error {
		o, err := g.Output("fragile", b.Tx()[0])
		if err != nil {
			return err
		}
		return g.Input("fragile", a.Rx()[0], stageFunc(func(burst Burst) {
			before(g, o, burst)
			panic("out of luck")
		}))
	}
}

func TestPanicFreesWhatTheStepOwned(t *testing.T) {
	part := func(b Burst, from, n uint32) Burst { return Burst{Off: b.Off + from, N: n} }
	for name, tc := range map[string]struct {
		before func(g *Graph, o *Output, b Burst)
		sent   int
		freed  uint64
		list   int // room of the TX list
	}{
		"nothing done": {func(*Graph, *Output, Burst) {}, 0, 4, 16},
		"one queued, one dropped": {func(g *Graph, o *Output, b Burst) {
			o.Push(part(b, 0, 1))
			g.own[cntStopped].Add(1)
			g.vec.DropBurst(part(b, 1, 1))
		}, 1, 2, 16},
		"all queued": {func(_ *Graph, o *Output, b Burst) { o.Push(b) }, 4, 0, 16},
		"regrouped": {func(g *Graph, o *Output, b Burst) {
			groups, _ := NewGrouper(g.vec, 2).Group(b, []Verdict{1, 0, 1, 0})
			o.Push(groups[1].Burst)
		}, 2, 2, 16},
		"copied and one list queued": {func(g *Graph, o *Output, b Burst) {
			for _, m := range g.vec.Packets(b) {
				m.AddRefs(1)
			}
			g.own[cntCopied].Add(uint64(b.N))
			o.Push(b)
		}, 4, 4, 16},
		"replaced by a copy in segments": {func(g *Graph, o *Output, b Burst) {
			m := g.vec.Packets(b)[0]
			m.AddRefs(1)
			g.own[cntCopied].Add(1)
			g.vec.Packets(b)[0] = g.vec.Writable(m)
			g.own[cntStopped].Add(1)
			g.vec.Drop(m)
		}, 0, 4, 16},
		"flushed within the step": {func(_ *Graph, o *Output, b Burst) {
			for i := range b.N - 1 {
				o.Push(part(b, i, 1))
			}
		}, 3, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			rt := pmdtest.NewRuntime(t, 64)
			rt.SetListLen(tc.list)
			a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.OtherDriver().NewPort("b", pmdtest.PortOptions{})
			cfg := config(rt, 1)
			var faults []Fault
			cfg.OnFault = func(f Fault) { faults = append(faults, f) }
			s := newStepper(t, cfg, fragile(a, b, tc.before))
			a.Inject(0, make([]byte, 3*pmdtest.DefaultRoom))
			a.Inject(0, frames(3)...)
			s.Step()
			if len(faults) != 1 || faults[0].Value != "out of luck" || uint64(faults[0].Freed) != tc.freed ||
				!strings.Contains(string(faults[0].Stack), "fragile") {
				t.Fatalf("faults: %+v, want one that freed %d", faults, tc.freed)
			}
			s.Flush()
			if got := len(b.Sent(0)); got != tc.sent {
				t.Errorf("%d frames sent, want %d", got, tc.sent)
			}
			if a := s.Account(); a.Reasons["panic"] != tc.freed || a.Difference() != 0 {
				t.Errorf("account %+v is off by %d, want %d dropped as panic", a, a.Difference(), tc.freed)
			}
			if info := s.sys.Workers()[0]; info.Faults != 1 {
				t.Errorf("worker counted %d faults, want 1", info.Faults)
			}
		})
	}
}

func TestWorkerForwardsOnAfterManyPanics(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.NewPort("b", pmdtest.PortOptions{})
	bad := rt.NewPort("bad", pmdtest.PortOptions{})
	s := start(t, config(rt, 1), func(g *Graph) error {
		if err := wire(a, b)(g); err != nil {
			return err
		}
		return fragile(bad, b, func(*Graph, *Output, Burst) {})(g)
	})
	bad.Replay(0, frames(1)...)
	a.Inject(0, frames(100)...)
	eventually(t, "the good flow is through", func() bool { return b.Tx()[0].Stats().Packets == 100 })
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if d := s.Account().Difference(); d != 0 {
		t.Errorf("account does not add up by %d: %+v", d, s.Account())
	}
	if s.Workers()[0].Faults == 0 {
		t.Error("no fault was counted")
	}
}

func TestStepperWithoutOnFaultPanics(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 64)
	a := rt.NewPort("a", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 1), fragile(a, a, func(*Graph, *Output, Burst) {}))
	a.Inject(0, frames(2)...)
	defer func() {
		if v := recover(); v != "out of luck" {
			t.Errorf("recovered %v, want the stage's panic", v)
		}
		checkAccount(t, s.Account(), map[string]uint64{"panic": 2})
	}()
	s.Step()
}
