package suite

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTwoMastersShareADaemon: each has its own wire, mode, addresses and ids.
func TestTwoMastersShareADaemon(t *testing.T) {
	const otherRouter, otherBox = "10.2.0.254", "10.2.0.11"
	l := newLab(t, 2)
	l.secondWire()
	l.start("--master", "eth1", "--ephemeral", "--mode", "l2", "--promiscuous")
	l.add(0)
	l.must("link", "add", "link", "eth1", "net0", "type", "ipvlan", "netns", l.boxes[1].Name)
	l.boxes[1].IP("link set net0 up")
	l.boxes[1].IP("addr add " + otherBox + "/24 dev net0")
	l.ping(l.boxes[0], routerAddr)
	l.ping(l.boxes[1], otherRouter)
	l.ping(l.router, otherBox)
	if l.reaches(l.boxes[0], otherBox) {
		t.Error("a slave reaches one of another master without a router")
	}
	l.must("link", "set", "eth1", "type", "ipvlan", "mode", "l3")
	if a, b := l.link("ipvl0"), l.link("net0"); a.MMode != "l2" || b.MMode != "l3" || a.ID != 1 || b.ID != 1 || b.Link != "eth1" {
		t.Errorf("got %+v and %+v, want ids 1 and modes l2 and l3", a, b)
	}
	// The same address is free on another master.
	l.must("addr", "add", boxAddr(0)+"/32", "dev", "eth1/1")
	l.wantState("net0", boxAddr(0), "active")
	l.wantState("ipvl0", boxAddr(0), "active")
	l.ping(l.router, boxAddr(0))
	l.verify()
	l.stop()
	for _, name := range []string{"eth0", "eth1"} {
		if out := l.host.IP("-d link show " + name); !strings.Contains(out, "veth") || strings.Contains(out, "xdp") {
			t.Errorf("%s is not as it was: %s", name, out)
		}
	}
}

// secondWire adds eth1 between router and host.
func (l *lab) secondWire() {
	l.t.Helper()
	l.router.IP("link add eth1 type veth peer name eth1 netns " + l.host.Name)
	l.plainFrames("eth1")
	l.router.IP("addr add 10.2.0.254/24 dev eth1")
	l.router.IP("link set eth1 up")
	l.host.IP("link set eth1 address 02:00:00:00:01:01")
	l.host.IP("addr add 10.2.0.1/24 dev eth1")
	l.host.IP("link set eth1 up")
}

// TestControlLivesWhileAllCPUsPoll: workers on both CPUs leave the daemon's
// other threads their share.
func TestControlLivesWhileAllCPUsPoll(t *testing.T) {
	l := newLab(t, 3)
	l.start("--ephemeral", "--mode", "l2", "--workers", "0,1", "--log-level", "warn")
	l.add(0)
	l.add(1)
	s := l.stream(l.boxes[0], l.boxes[1], boxAddr(1))
	c := l.client()
	l.within(time.Second, "the longest of 50 requests", func() (longest time.Duration) {
		for range 50 {
			begin := time.Now()
			if _, err := c.Status(brief(t)); err != nil {
				t.Fatal(err)
			}
			longest = max(longest, time.Since(begin))
		}
		return longest
	})
	l.within(time.Second, "to add, use and delete a slave", func() time.Duration {
		begin := time.Now()
		l.churn(1, 10)
		return time.Since(begin) / 10
	})
	l.ping(l.router, boxAddr(0))
	s.wantNoLoss(t, "slave to slave")
	if st, err := c.Status(brief(t)); err != nil || len(st.Workers) != 2 {
		t.Errorf("got %v, %v; want two workers", st.Workers, err)
	}
	l.verify()
	l.stop()
}

// within measures until the result is at most limit: the best of some tries counts,
// for others may have the CPUs.
func (l *lab) within(limit time.Duration, what string, measure func() time.Duration) {
	l.t.Helper()
	best := measure()
	for try := 1; try < 5 && best > limit; try++ {
		best = min(best, measure())
	}
	if l.t.Logf("%s: %v", what, best); best > limit {
		l.t.Errorf("%s took %v, want at most %v", what, best, limit)
	}
}

// TestForeignMACs: without --promiscuous they are dropped, with it the host sees
// them, as on a NIC in promiscuous mode.
func TestForeignMACs(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want uint64 // dropped
	}{"dropped": {nil, 3}, "promiscuous": {[]string{"--promiscuous"}, 0}} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 1)
			l.start(append(c.args, "--ephemeral", "--mode", "l2")...)
			l.add(0)
			l.ping(l.router, hostAddr)
			l.router.IP("neigh replace 10.0.0.99 lladdr 02:00:00:00:00:55 dev eth0 nud permanent")
			seen := l.hostReceived()
			l.pings(l.router, "10.0.0.99", "-c", "3", "-i", "0.02", "-W", "1")
			if got := l.verify().Reasons["foreign_mac"]; got != c.want {
				t.Errorf("dropped: got %d, want %d", got, c.want)
			}
			if got := l.hostReceived() - seen; c.want == 0 && got < 3 {
				t.Errorf("the host has received %d frames, want 3 or more", got)
			}
			l.ping(l.router, boxAddr(0))
			l.verify()
			l.stop()
		})
	}
}

// hostReceived is how many frames the host port's interface has received.
func (l *lab) hostReceived() (n int) {
	l.t.Helper()
	lines := strings.Split(l.host.IP("-s link show eth0"), "\n")
	if i := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, "RX:") }); i >= 0 && i+1 < len(lines) {
		if _, err := fmt.Sscan(lines[i+1], new(int), &n); err != nil {
			l.t.Fatal(err)
		}
	}
	return n
}
