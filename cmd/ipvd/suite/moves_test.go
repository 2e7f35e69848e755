package suite

import (
	"strings"
	"testing"
)

// TestSlavesAreFollowedWhereverTheyGo: what a container's owner does to a slave
// is followed without a restart.
func TestSlavesAreFollowedWhereverTheyGo(t *testing.T) {
	l := newLab(t, 4)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.add(1)
	a, b := l.boxes[0], l.boxes[2]
	reaches := func(what string) {
		t.Helper()
		l.await("the slave answers after "+what, defaultWait, func() bool { return l.reaches(l.router, boxAddr(0)) })
	}

	a.IP("link set ipvl0 down")
	l.wantState("ipvl0", boxAddr(0), "inactive")
	a.IP("link set ipvl0 up")
	l.wantState("ipvl0", boxAddr(0), "active")
	reaches("down and up")

	a.IP("link set ipvl0 name net0")
	l.wantState("net0", boxAddr(0), "active")
	reaches("a new name")

	// A move takes the addresses away, and back again counts as well.
	for _, to := range []string{b.Name, l.boxes[3].Name, b.Name} {
		from := l.link("net0").Netns
		if out, err := l.ctl("link", "show", "net0"); err != nil {
			t.Errorf("link show: %v: %s", err, out)
		}
		l.existing(from).IP("link set net0 netns " + to)
		l.wantState("net0", boxAddr(0), "")
		l.existing(to).IP("link set net0 up")
		l.existing(to).IP("addr add " + boxAddr(0) + "/24 dev net0")
		l.wantState("net0", boxAddr(0), "active")
		if got := l.link("net0").Netns; got != to {
			t.Errorf("netns: got %s, want %s", got, to)
		}
		reaches("a move")
	}

	b.IP("link del net0")
	l.await("the deleted slave is gone", defaultWait, func() bool { return len(l.links()) == 1+1 })
	l.ping(l.router, boxAddr(1))
	l.verify()
	l.stop()
}

func TestNamespaceOfASlaveEnds(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	// As every container does.
	for i, b := range l.boxes {
		l.must("link", "add", "link", "eth0", "eth0", "netns", b.Name, "type", "ipvlan")
		b.IP("link set eth0 up")
		b.IP("addr add " + boxAddr(i) + "/24 dev eth0")
	}
	l.ping(l.boxes[0], boxAddr(1))
	l.refused([]string{"link", "del", "eth0/9"}, "no slave 9")
	ended := l.canary("canary0", l.boxes[0].Name)
	s := l.stream(l.router, l.boxes[1], boxAddr(1))
	l.boxes[0].Delete()
	l.await("the namespace has ended", defaultWait, ended)
	l.await("its slave is gone", defaultWait, func() bool { return len(l.links()) == 1+1 })
	s.wantNoLoss(t, "to the other slave")
	if left := l.link("eth0"); left.Netns != "" {
		t.Errorf("the master is in %q", left.Netns)
	}
	if out := l.must("link", "show", "eth0/2"); !strings.Contains(out, "eth0") {
		t.Errorf("slave 2: got %q", out)
	}
	l.verify()
	l.stop()
}
