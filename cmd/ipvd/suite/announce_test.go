package suite

import (
	"os"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
)

func TestASlavesOwnStackAnnouncesItsAddress(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral")
	l.add(0, "mode", "l2")
	set := func(ns hosttest.NS, key string) {
		t.Helper()
		ns.Do(func() error { return os.WriteFile("/proc/sys/net/"+key, []byte("1"), 0) })
	}
	set(l.router, "ipv4/conf/eth0/arp_accept") // learn from announcements
	known := func() string { return l.router.IP("neigh show to " + boxAddr(0) + " dev eth0") }
	renew := func() {
		t.Helper()
		l.boxes[0].IP("link set ipvl0 down")
		l.boxes[0].IP("link set ipvl0 up")
		l.await("the address is active again", defaultWait, func() bool { return l.state("ipvl0", boxAddr(0)) == "active" })
	}
	renew()
	l.ping(l.host, boxAddr(0)) // what the slave has sent before has passed by now
	if got := known(); got != "" {
		t.Errorf("nobody was to announce the address, and the router knows %q", got)
	}
	set(l.boxes[0], "ipv4/conf/ipvl0/arp_notify")
	l.await("the router learns the address", defaultWait, func() bool {
		renew()
		return strings.Contains(known(), masterMAC)
	})
	l.stop()
}
