package suite

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/sysctl"
)

// wantState waits until an address on a slave has a state, "" for not known.
func (l *lab) wantState(name, addr, want string) {
	l.t.Helper()
	var got string
	end := time.Now().Add(defaultWait)
	for got = l.state(name, addr); got != want && time.Now().Before(end); got = l.state(name, addr) {
		time.Sleep(5 * time.Millisecond)
	}
	if got != want {
		l.t.Errorf("%s on %s: got state %q, want %q", addr, name, got, want)
	}
}

// TestAddressBelongsToOneSlave: the kernel's ipvlan refuses an address that
// another slave has; what is added behind our back waits for it.
func TestAddressBelongsToOneSlave(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.add(1)
	const addr = "10.0.0.60"
	l.boxes[0].IP("addr add " + addr + "/24 dev ipvl0")
	l.wantState("ipvl0", addr, "active")
	l.refused([]string{"addr", "add", addr + "/24", "dev", "ipvl1"}, "Address already assigned to an ipvlan device", "ipvl0")
	l.boxes[1].IP("addr add " + addr + "/24 dev ipvl1")
	l.wantState("ipvl1", addr, "conflict")
	l.wantState("ipvl0", addr, "active")
	if !strings.Contains(l.stderr.String(), `"message":"Address already assigned to an ipvlan device"`) {
		t.Error("no word in the log about the conflict")
	}
	l.boxes[0].IP("addr del " + addr + "/24 dev ipvl0")
	l.wantState("ipvl1", addr, "active")
	l.wantState("ipvl0", addr, "")
	l.ping(l.router, addr)

	// An address of a slave that is down is still taken.
	l.boxes[1].IP("link set ipvl1 down")
	l.wantState("ipvl1", addr, "inactive")
	l.refused([]string{"addr", "add", addr + "/24", "dev", "ipvl0"}, "Address already assigned")
	l.must("link", "del", "ipvl1")
	l.must("addr", "add", addr+"/24", "dev", "ipvl0")
	l.wantState("ipvl0", addr, "active")
	l.ping(l.router, addr)
	l.verify()
	l.stop()
}

func TestEveryAddressOfASlaveCounts(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	box := l.boxes[0]
	for _, a := range []string{"10.0.0.70/24", "10.0.0.71/24", "10.0.0.72/32", "192.0.2.1/24"} {
		box.IP("addr add " + a + " dev ipvl0")
	}
	l.knowsTentative(box, "fd00::70")
	for _, a := range []string{"10.0.0.70", "10.0.0.71", "10.0.0.72"} {
		l.wantState("ipvl0", a, "active")
		l.ping(l.router, a)
	}
	l.ping(l.router, "fd00::70")
	l.wantState("ipvl0", "192.0.2.1", "active")
	// Without promote_secondaries the secondaries go with their primary.
	box.IP("addr del " + boxAddr(0) + "/24 dev ipvl0")
	for addr, want := range map[string]string{boxAddr(0): "", "10.0.0.70": "", "10.0.0.71": "", "10.0.0.72": "active", "192.0.2.1": "active"} {
		l.wantState("ipvl0", addr, want)
	}
	l.verify()
	l.stop()
}

// knowsTentative adds an address to ipvl0, which must count before duplicate address
// detection, which takes some seconds here, is over. A machine that answers later than
// that gets further tries.
func (l *lab) knowsTentative(box hosttest.NS, addr string) {
	l.t.Helper()
	box.Do(func() error { return sysctl.Set("ipv6/conf/ipvl0/dad_transmits", "3") })
	for range 5 {
		box.IP("addr add " + addr + "/64 dev ipvl0")
		l.await("the address is known", defaultWait, func() bool { return l.state("ipvl0", addr) == "active" })
		if strings.Contains(box.IP("addr show dev ipvl0 tentative"), addr) {
			return
		}
		box.IP("addr del " + addr + "/64 dev ipvl0")
		l.wantState("ipvl0", addr, "")
	}
	l.t.Errorf("%s is not known before duplicate address detection is over", addr)
}

// TestLostMessagesAreMadeUpFor: the kernel drops what the daemon's socket has no
// room for.
func TestLostMessagesAreMadeUpFor(t *testing.T) {
	const most = 200_000
	l := newLab(t, 1)
	l.start("--ephemeral", "--mode", "l2", "--log-level", "warn")
	l.add(0)
	i := l.iface(l.boxes[0], "ipvl0")
	try := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	try(i.add("10.1.0.1"))
	l.wantState("ipvl0", "10.1.0.1", "active")
	l.cmd.Process.Signal(unix.SIGSTOP)
	n, lost := 0, 0
	for ; n < most && lost == 0; n++ {
		try(i.add("10.1.0.2"))
		try(i.del("10.1.0.2"))
		if n%1000 == 0 {
			lost = l.lostMessages()
		}
	}
	// Of these nothing is heard.
	try(i.del("10.1.0.1"))
	try(i.add("10.1.0.3"))
	l.cmd.Process.Signal(unix.SIGCONT)
	if t.Logf("%d address changes, some messages lost: %d", 2*n, lost); lost == 0 {
		t.Error("no message was lost: the test shows nothing")
	}
	l.wantState("ipvl0", "10.1.0.3", "active")
	l.wantState("ipvl0", "10.1.0.1", "")
	l.wantState("ipvl0", "10.1.0.2", "")
	l.ping(l.router, boxAddr(0))
	l.verify()
	l.stop()
}

// lostMessages is how many netlink messages the sockets in the host's namespace
// had no room for.
func (l *lab) lostMessages() (n int) {
	l.t.Helper()
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/netlink", l.cmd.Process.Pid))
	if err != nil {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) == 10 { // the ninth is Drops
			drops, _ := strconv.Atoi(f[8])
			n += drops
		}
	}
	return n
}

// TestLinkLocalIsIpvlans: all slaves have one MAC, and each its own link-local
// address.
func TestLinkLocalIsIpvlans(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	mac, _ := net.ParseMAC(masterMAC)
	want := link.LinkLocal(mac, 1)
	check := func(what string, box int) {
		t.Helper()
		l.await("the link-local address after "+what, defaultWait, func() bool {
			return slices.Equal(linkLocals(l.boxes[box].IP("-6 -o addr show dev ipvl0 scope link")), []netip.Addr{want})
		})
		l.wantState("ipvl0", want.String(), "active")
	}
	check("creation", 0)
	l.boxes[0].IP("link set ipvl0 down")
	l.boxes[0].IP("link set ipvl0 up")
	check("down and up", 0)
	l.boxes[0].IP("link set ipvl0 netns " + l.boxes[1].Name)
	l.boxes[1].IP("link set ipvl0 up")
	check("a move", 1)
	for _, mode := range []string{"l3", "l2", "l3s", "l2"} {
		l.must("link", "set", "ipvl0", "type", "ipvlan", "mode", mode)
		check("mode "+mode, 1)
	}
	l.verify()
	l.stop()
}

// linkLocals reads the addresses of `ip -6 -o addr show`.
func linkLocals(out string) (addrs []netip.Addr) {
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 3 {
			if p, err := netip.ParsePrefix(f[3]); err == nil {
				addrs = append(addrs, p.Addr())
			}
		}
	}
	return addrs
}
