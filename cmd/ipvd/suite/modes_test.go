package suite

import (
	"slices"
	"testing"
)

// TestModesOnARunningSystem goes through the modes as the HOWTO's reader would.
func TestModesOnARunningSystem(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral")
	for i := range l.boxes {
		l.add(i, "mode", "l2")
	}
	reach := func() {
		t.Helper()
		l.ping(l.boxes[0], boxAddr(1))
		l.ping(l.boxes[1], routerAddr)
		l.ping(l.router, boxAddr(0))
	}
	reach()
	for i := range l.boxes {
		l.router.IP("route add " + boxAddr(i) + "/32 via " + hostAddr)
	}
	for _, mode := range []string{"l3", "l3s", "l2", "l3s", "l3"} {
		l.must("link", "set", "ipvl0", "type", "ipvlan", "mode", mode)
		k := l.link("ipvl1")
		if k.MMode != mode || k.LinkInfo.Data.Mode != mode {
			t.Errorf("mode of the sibling: got %s, want %s", k.MMode, mode)
		}
		l.await("NOARP follows mode "+mode, defaultWait, func() bool {
			return slices.Contains(l.link("ipvl1").Flags, "NOARP") == (mode != "l2")
		})
		reach()
	}
	l.verify()
	l.stop()
	if out := l.host.IP("-br link"); out != "" && !containsOnly(out, "lo", "eth0@") {
		t.Errorf("left in the host: %s", out)
	}
}
