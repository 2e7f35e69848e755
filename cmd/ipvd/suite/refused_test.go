package suite

import (
	"strings"
	"testing"
	"time"
)

// TestRefusedLinkAddLeavesNothing: the interface that was to be the slave is
// persistent by the time its name is found to be taken.
func TestRefusedLinkAddLeavesNothing(t *testing.T) {
	l := newLab(t, 0)
	l.start("--state-dir", l.dir+"/state")
	before := l.host.IP("-br link")
	l.refused([]string{"link", "add", "link", "eth0", "lo", "type", "ipvlan"}, "lo", "another interface")
	if after := l.host.IP("-br link"); after != before {
		t.Errorf("interfaces before:\n%safter:\n%s", before, after)
	}
	l.refused([]string{"link", "show", "master", "eth9"}, "eth9", "eth0")
	l.verify()
	l.stop()
}

// TestMTUFlagHolds: the wire's own MTU does not come back with its addresses.
func TestMTUFlagHolds(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--mtu", "1400", "--mode", "l2")
	l.add(0)
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, k := range l.links() {
			if k.MTU != 1400 {
				t.Fatalf("%s has MTU %d, want 1400", k.IfName, k.MTU)
			}
		}
	}
	if out := l.host.IP("link show eth0"); !strings.Contains(out, "mtu 1400") {
		t.Errorf("host port: %s", out)
	}
	l.ping(l.boxes[0], routerAddr)
	l.stop()
	if out := l.host.IP("link show eth0"); !strings.Contains(out, "mtu 1500") {
		t.Errorf("the wire is back with another MTU: %s", out)
	}
}

// TestForeignMACOfASlaveIsShown: a namespace may change its slave's MAC, and
// then wonders why nothing arrives.
func TestForeignMACOfASlaveIsShown(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.ping(l.boxes[0], routerAddr)
	l.boxes[0].IP("link set ipvl0 address 02:00:00:00:00:99")
	l.await("the MAC is shown", defaultWait, func() bool {
		k := l.link("ipvl0")
		return k.Address == "02:00:00:00:00:99" && strings.Contains(k.State, "MAC")
	})
	l.boxes[0].IP("link set ipvl0 address " + masterMAC)
	l.await("all is well again", defaultWait, func() bool { return l.link("ipvl0").State == "ok" })
	l.ping(l.boxes[0], routerAddr)
	l.verify()
	l.stop()
}
