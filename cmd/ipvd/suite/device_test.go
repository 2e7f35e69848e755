package suite

import (
	"strings"
	"testing"
)

// TestDeviceLosesItsLink: a wire that is no kernel interface of ours is asked for
// its link. A TAP that DPDK drives has one while it is up.
func TestDeviceLosesItsLink(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--mode", "l2", "--master", "w0=net_tap0,iface=wtap")
	l.must("link", "add", "link", "w0", "net0", "type", "ipvlan", "netns", l.boxes[0].Name)
	l.boxes[0].IP("link set net0 up")
	l.host.IP("link set w0 up")
	for _, c := range []struct{ set, want string }{{"up", "LOWER_UP"}, {"down", "NO-CARRIER"}, {"up", "LOWER_UP"}} {
		l.host.IP("link set wtap " + c.set)
		l.await("slave and host port have "+c.want, defaultWait, func() bool {
			return strings.Contains(l.boxes[0].IP("link show net0"), c.want) && strings.Contains(l.host.IP("link show w0"), c.want)
		})
	}
	if log := l.stderr.String(); strings.Contains(log, "has not told of a link") {
		t.Error("the daemon doubts a link that it was told of")
	}
	l.verify()
	l.stop()
}

// TestHostPortHasNoLargerMTUThanTheWire: XDP confines a veth to what fits a page.
func TestHostPortHasNoLargerMTUThanTheWire(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.host.IP("link set eth0 mtu 9000")
	l.await("the host port has its MTU again", defaultWait, func() bool { return strings.Contains(l.host.IP("link show eth0"), "mtu 1500 ") })
	l.await("the log says why", defaultWait, func() bool { return strings.Contains(l.stderr.String(), "the host port is set back") })
	l.pingSize(l.boxes[0], routerAddr, 1500)
	if got := l.link("ipvl0").MTU; got != 1500 {
		t.Errorf("slave: got MTU %d, want 1500", got)
	}
	l.verify()
	l.stop()
}
