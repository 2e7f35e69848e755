package flows

import (
	"testing"

	"ipvd/pmd/pmdtest"
)

func TestAWorkerCountsItsBursts(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 64)
	a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.NewPort("b", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 1), wire(a, b))
	for _, n := range []int{1, 2, 3, 4, 5, 0, 8} {
		a.Inject(0, frames(n)...)
		s.Step()
	}
	i := s.sys.workers[0].info()
	want := Bursts{1, 1, 2, 2} // 1; 2; 3 and 4; 5 and 8
	if i.Bursts != want || i.Packets != 23 || i.Busy != 6 || i.Steps != 7 {
		t.Errorf("bursts %v, %d packets in %d of %d steps, want %v, 23 in 6 of 7", i.Bursts, i.Packets, i.Busy, i.Steps, want)
	}
	if cell := burstCell(1 << 20); cell != len(Bursts{})-1 {
		t.Errorf("a million packets are in cell %d", cell)
	}
}
