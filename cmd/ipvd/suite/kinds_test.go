package suite

import (
	"strings"
	"testing"
)

// TestVdevSlavesHaveStaticAddresses: a slave of DPDK's own kinds has no
// interface that tells its addresses.
func TestVdevSlavesHaveStaticAddresses(t *testing.T) {
	const addr = "10.0.0.90"
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	// A TAP that DPDK drives: only the test knows that there is an interface.
	l.must("link", "add", "link", "eth0", "v0", "type", "ipvlan", "kind", "vdev", "devargs", "net_tap0,iface=vtap0,mac="+masterMAC)
	l.host.IP("link set vtap0 netns " + l.boxes[1].Name)
	l.boxes[1].IP("link set vtap0 up")
	l.boxes[1].IP("addr add " + addr + "/24 dev vtap0")
	l.must("addr", "add", addr+"/24", "dev", "v0")
	l.wantState("v0", addr, "active")
	for _, a := range l.addrs() {
		if a.Link == "v0" && a.Source != "static" {
			t.Errorf("source of %s: got %s, want static", a.Local, a.Source)
		}
	}
	l.ping(l.router, addr)
	l.ping(l.boxes[1], boxAddr(0))
	l.refused([]string{"addr", "add", addr + "/24", "dev", "ipvl0"}, "Address already assigned")

	// One that swallows what it gets, and one that sends it back.
	l.must("link", "add", "link", "eth0", "v1", "type", "ipvlan", "kind", "vdev", "devargs", "net_null0,no-rx=1")
	l.must("link", "add", "link", "eth0", "v2", "type", "ipvlan", "kind", "vdev", "devargs", "net_ring0")
	for name, addr := range map[string]string{"v1": "10.0.0.91", "v2": "10.0.0.92"} {
		l.must("addr", "add", addr+"/24", "dev", name)
		l.boxes[0].IP("neigh replace " + addr + " lladdr " + masterMAC + " dev ipvl0")
		l.pings(l.boxes[0], addr, "-c", "3", "-i", "0.02", "-W", "1")
		l.await(name+" has got 3 packets or more", defaultWait, func() bool { return l.link(name).Stats64.RX.Packets >= 3 })
	}
	l.ping(l.router, addr)
	l.must("addr", "del", addr+"/24", "dev", "v0")
	l.wantState("v0", addr, "")
	for _, name := range []string{"v0", "v1", "v2"} {
		l.must("link", "del", name)
	}
	if out := l.boxes[1].IP("-br link"); !containsOnly(out, "lo") {
		t.Errorf("left of a deleted slave: %s", out)
	}
	l.ping(l.router, boxAddr(0))
	l.verify()
	l.stop()
}

// TestVdevSlaveComesBackWithItsAddresses: nothing but the state knows them.
func TestVdevSlaveComesBackWithItsAddresses(t *testing.T) {
	l := newLab(t, 0)
	args := []string{"--mode", "l2", "--state-dir", l.dir + "/state"}
	l.start(args...)
	l.must("link", "add", "link", "eth0", "v0", "type", "ipvlan", "kind", "vdev", "devargs", "net_null0,no-rx=1")
	l.must("addr", "add", "10.0.0.90/24", "dev", "v0")
	l.stop()
	l.start(args...)
	l.wantState("v0", "10.0.0.90", "active")
	l.must("link", "del", "v0")
	l.verify()
	l.stop()
	if out := l.host.IP("-br link"); !containsOnly(out, "lo", "eth0@") || !strings.Contains(out, "eth0@") {
		t.Errorf("left in the host: %s", out)
	}
}
