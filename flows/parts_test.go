package flows

import (
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

func TestPartsAddUpToTheAccountAndBeginWithTheGraph(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 64)
	a, b, c := rt.NewPort("a", pmdtest.PortOptions{}), rt.NewPort("b", pmdtest.PortOptions{}), rt.NewPort("c", pmdtest.PortOptions{})
	a.SetStats(pmd.PortStats{Missed: 5}) // before the graph
	b.SetCarrier(false)
	s := newStepper(t, config(rt, 1), wire(a, b))
	a.Inject(0, frames(3)...)
	a.SetStats(pmd.PortStats{Missed: 7})
	for s.Step() > 0 {
	}
	s.Flush()
	p := s.sys.Parts()
	if d := p.Difference(); d != 0 || p.Received != 5 || p.Dropped != 5 {
		t.Errorf("account %+v differs by %d", p.Account, d)
	}
	if got := p.Ports[a].Account(); got.Received != 5 || got.Reasons["imissed"] != 2 {
		t.Errorf("port a: %+v", got)
	}
	if got := p.Ports[b].Account(); got.Dropped != 3 || got.Reasons["tx_refused"] != 3 {
		t.Errorf("port b: %+v", got)
	}
	own := NewAccount()
	own.AddSet(s.sys.own, p.Sets[s.sys.own])
	if own.Received+own.Dropped+own.Copied != 0 {
		t.Errorf("the framework's own: %+v", own)
	}
	if err := s.Swap(wire(c, a)); err != nil {
		t.Fatal(err)
	}
	after := s.sys.Parts()
	if after.Received != 5 || len(after.Ports) != 2 || after.Ports[a].Rx.Packets != 0 {
		t.Errorf("after b went: %+v", after)
	}
}
