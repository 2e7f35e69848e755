package flows

import (
	"testing"
	"time"

	"ipvd/pmd/pmdtest"
)

// gathering is a graph that relays from a port whose set wants to be left alone for
// pause after it has received, and from one whose set does not.
func gathering(t *testing.T, pause time.Duration) (w *worker, slow, quick, out *pmdtest.Port) {
	rt := pmdtest.NewRuntime(t, 1024)
	slow = rt.OtherDriver().NewPort("slow", pmdtest.PortOptions{Gather: pause})
	quick = rt.NewPort("quick", pmdtest.PortOptions{})
	out = rt.NewPort("out", pmdtest.PortOptions{})
	s := newStepper(t, sleepy(rt, 1), wire(slow, out, quick, out))
	return s.sys.workers[0], slow, quick, out
}

func TestGatheringSetIsLeftAloneForItsPause(t *testing.T) {
	const pause = 200 * time.Microsecond
	w, slow, _, out := gathering(t, pause)
	slow.Inject(0, frames(2)...)
	w.rest(w.turn())
	slow.Inject(0, frames(3)...)
	slept := w.slept.Load()
	n := w.turn()
	if n != 0 {
		t.Errorf("%d packets from a set that is to be left alone", n)
	}
	if sent := len(out.Sent(0)); sent != 2 {
		t.Errorf("%d packets are sent before the pause, want 2", sent)
	}
	w.rest(n)
	if d := time.Duration(w.slept.Load() - slept); d < pause {
		t.Errorf("a pause of %v, want %v", d, pause)
	}
	if n := w.turn(); n != 3 {
		t.Errorf("%d packets after the pause, want 3", n)
	}
	w.turn()
	if sent := len(out.Sent(0)); sent != 3 {
		t.Errorf("%d packets are sent after it, want 3", sent)
	}
}

func TestOtherSetsAreServedInAPause(t *testing.T) {
	w, slow, quick, _ := gathering(t, time.Millisecond)
	slow.Inject(0, frames(2)...)
	w.rest(w.turn())
	quick.Inject(0, frames(1)...)
	sleeps := w.sleeps.Load()
	for range 100 {
		n := w.turn()
		if n != 1 {
			t.Fatalf("%d packets, want the other set's", n)
		}
		w.rest(n)
		quick.Inject(0, frames(1)...)
	}
	if n := w.sleeps.Load(); n != sleeps {
		t.Errorf("%d pauses while another set has packets", n-sleeps)
	}
}

func TestPausesAreNoLongerThanASleepTheSchedulerIsNotToldOf(t *testing.T) {
	w, slow, _, _ := gathering(t, time.Hour)
	slow.Inject(0, frames(1)...)
	w.rest(w.turn())
	begin := time.Now()
	w.rest(w.turn())
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("a pause of %v", took)
	}
}

func TestPausesAllocateNothing(t *testing.T) {
	w, slow, _, out := gathering(t, time.Microsecond)
	sleeps := w.sleeps.Load()
	f := frames(1)
	slow.Inject(0, f...)
	w.turn()
	n := testing.AllocsPerRun(100, func() {
		w.gather()
		w.cur.sets[0].held, w.cur.sets[1].held = false, false
		w.nap(time.Microsecond)
	})
	if n != 0 || w.sleeps.Load()-sleeps < 100 {
		t.Errorf("%v allocations a pause, %d pauses", n, w.sleeps.Load()-sleeps)
	}
	w.turn()
	out.Sent(0)
}
