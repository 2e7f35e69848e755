package suite

import (
	"runtime"
	"testing"
)

// TestTwoWorkersShareTheSlaves: every slave is served, by both workers, while
// slaves come and go and frames pass from one worker's slaves to the other's.
func TestTwoWorkersShareTheSlaves(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs 2 CPUs: a worker runs on each")
	}
	l := newLab(t, 5)
	l.start("--ephemeral", "--mode", "l2", "--log-level", "warn", "--workers", "0,1")
	for i := range 4 {
		l.add(i)
	}
	near, far := l.stream(l.boxes[0], l.boxes[1], boxAddr(1)), l.stream(l.router, l.boxes[3], boxAddr(3))
	l.must("link", "del", "ipvl2")
	l.add(4)
	for _, i := range []int{0, 1, 3, 4} {
		l.ping(l.router, boxAddr(i))
		l.ping(l.boxes[i], routerAddr)
	}
	near.wantNoLoss(t, "from slave to slave")
	far.wantNoLoss(t, "from the wire to a slave")
	for i, w := range l.status().Load {
		if w.Busy == 0 {
			t.Errorf("worker %d has had no packet: %+v", i, w)
		}
	}
	l.verify()
	l.stop()
}
