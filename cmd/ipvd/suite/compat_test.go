package suite

import (
	"strings"
	"testing"
)

// TestCompatSetsModesAsTheKernel: a link add sets the mode for all slaves, l3
// unless it says another, and a mode without a flag makes that bridge.
func TestCompatSetsModesAsTheKernel(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--compat", "kernel", "--mode", "l2", "--flag", "private")
	for _, step := range []struct{ line, mode, flag string }{
		{"link add link eth0 name a type ipvlan mode l2 private", "l2", "private"},
		{"link add link eth0 name b type ipvlan", "l3", "private"},
		{"link set a type ipvlan vepa", "l3", "vepa"},
		{"link set a type ipvlan mode l2", "l2", "bridge"},
		{"link add link eth0 name c type ipvlan mode l3s vepa", "l3s", "vepa"},
		{"link add link a name d type ipvlan mode l2", "l2", "bridge"},
		{"link set eth0 type ipvlan private", "l2", "private"},
	} {
		l.must(strings.Fields(step.line)...)
		if k := l.link("a"); k.MMode != step.mode || k.MFlag != step.flag {
			t.Errorf("after %s: got mode %s %s, want %s %s", step.line, k.MMode, k.MFlag, step.mode, step.flag)
		}
	}
	if k := l.link("d"); k.Link != "eth0" {
		t.Errorf("slave that was made on a slave: its master is %q, want eth0", k.Link)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		l.must("link", "del", name)
	}
	l.must("link", "add", "link", "eth0", "name", "e", "type", "ipvlan")
	if k := l.link("e"); k.MMode != "l3" || k.MFlag != "bridge" {
		t.Errorf("the first slave after the last: got mode %s %s, want l3 bridge", k.MMode, k.MFlag)
	}
	l.stop()
}

// TestCompatUndoesWhatTheKernelRefuses: an address of another slave, a slave's
// own MAC, and membership in a bridge.
func TestCompatUndoesWhatTheKernelRefuses(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--compat", "kernel", "--mode", "l2")
	l.add(0, "mode", "l2")
	l.add(1, "mode", "l2")
	box, other := l.boxes[0], l.boxes[1]
	other.IP("addr add " + boxAddr(0) + "/24 dev ipvl1")
	l.await("the other's address is taken away", defaultWait, func() bool { return !strings.Contains(other.IP("addr show dev ipvl1"), boxAddr(0)) })
	l.wantState("ipvl0", boxAddr(0), "active")
	l.wantState("ipvl1", boxAddr(0), "")

	box.IP("link set ipvl0 address 02:00:00:00:00:99")
	l.await("the MAC is the master's again", defaultWait, func() bool { return strings.Contains(box.IP("link show ipvl0"), masterMAC) })
	box.IP("link add br0 type bridge")
	box.IP("link set ipvl0 master br0")
	l.await("the slave is in no bridge", defaultWait, func() bool { return !strings.Contains(box.IP("link show ipvl0"), "master") })
	l.host.IP("link add br0 type bridge")
	l.host.IP("link set eth0 master br0")
	l.await("the host port is in no bridge", defaultWait, func() bool { return !strings.Contains(l.host.IP("link show eth0"), "master") })
	l.host.IP("link del br0")
	l.ping(l.router, hostAddr)
	l.ping(l.router, boxAddr(0))
	l.ping(box, boxAddr(1))
	l.stop()
}

// TestCompatRemovesSlavesWithTheirMaster: whoever removes the host port means the
// master.
func TestCompatRemovesSlavesWithTheirMaster(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--compat", "kernel")
	l.add(0, "mode", "l2")
	l.host.IP("link del eth0")
	l.await("the slave is gone", defaultWait, func() bool { return !strings.Contains(l.boxes[0].IP("-br link"), "ipvl0") })
	if n := len(l.links()); n != 1 {
		t.Errorf("got %d links, want the master", n)
	}
	l.stop()
}

// TestCompatKnowsAPeerInPlaceOfItsAddress is what the kernel's driver does, and
// not what one wants.
func TestCompatKnowsAPeerInPlaceOfItsAddress(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--compat", "kernel", "--mode", "l2")
	l.add(0, "mode", "l2")
	l.boxes[0].IP("addr add 10.0.0.70 peer 10.0.0.71 dev ipvl0")
	l.wantState("ipvl0", "10.0.0.71", "active")
	l.wantState("ipvl0", "10.0.0.70", "")
	l.stop()
}
