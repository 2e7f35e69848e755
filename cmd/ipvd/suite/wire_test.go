package suite

import (
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/link"
)

func TestSlavesFollowTheHostPortsMTU(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.add(1)
	l.boxes[1].IP("link set ipvl1 mtu 1000") // overwritten, as by the kernel
	l.await("the slave's own MTU is known", defaultWait, func() bool { return l.link("ipvl1").MTU == 1000 })
	for _, mtu := range []int{1400, 1500} {
		l.host.IP(fmt.Sprintf("link set eth0 mtu %d", mtu))
		for i, b := range l.boxes {
			want := fmt.Sprintf("mtu %d ", mtu)
			l.await("slave "+b.Name+" has "+want, defaultWait, func() bool {
				return strings.Contains(b.IP(fmt.Sprintf("link show ipvl%d", i)), want) && l.link(fmt.Sprintf("ipvl%d", i)).MTU == mtu
			})
		}
		if got := l.link("eth0").MTU; got != mtu {
			t.Errorf("master: got MTU %d, want %d", got, mtu)
		}
		l.pingSize(l.boxes[0], routerAddr, mtu)
		l.pingSize(l.boxes[0], boxAddr(1), mtu)
	}
	l.verify()
	l.stop()
	if out := l.host.IP("link show eth0"); !strings.Contains(out, "mtu 1500 ") {
		t.Errorf("the wire afterwards: %s", out)
	}
}

// pingSize pings with packets as long as the MTU.
func (l *lab) pingSize(from hosttest.NS, dst string, mtu int) {
	l.t.Helper()
	const headers = 20 + 8
	l.ping(from, dst)
	if out, err := l.pings(from, dst, "-c", "2", "-i", "0.05", "-W", "1", "-M", "do", "-s", fmt.Sprint(mtu-headers)); err != nil {
		l.t.Errorf("%d bytes from %s to %s: %v: %s", mtu, from.Name, dst, err, out)
	}
}

func (l *lab) pings(from hosttest.NS, dst string, words ...string) (string, error) {
	out, err := exec.Command("ip", append([]string{"netns", "exec", from.Name, "ping", dst}, words...)...).CombinedOutput()
	return string(out), err
}

// TestFrameOverTheReceiversMTUIsDropped: as by dev_forward_skb, which allows for
// the Ethernet header and a VLAN tag.
func TestFrameOverTheReceiversMTUIsDropped(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.add(1)
	l.ping(l.boxes[0], boxAddr(1))
	l.boxes[1].IP("link set ipvl1 mtu 1000")
	l.await("the slave's MTU is known", defaultWait, func() bool { return l.link("ipvl1").MTU == 1000 })
	before := l.verify().Reasons["too_long"]
	if out, err := l.pings(l.boxes[0], boxAddr(1), "-c", "3", "-i", "0.05", "-W", "1", "-s", "1300", "-M", "do"); err == nil {
		t.Errorf("too long a frame has arrived: %s", out)
	}
	if got := l.verify().Reasons["too_long"] - before; got != 3 {
		t.Errorf("dropped as too_long: got %d, want 3", got)
	}
	if out, err := l.pings(l.boxes[0], boxAddr(1), "-c", "1", "-s", "972", "-M", "do"); err != nil {
		t.Errorf("a frame that fits: %v: %s", err, out)
	}
	l.stop()
}

func TestSlavesFollowTheHostPortsMAC(t *testing.T) {
	const other = "02:00:00:00:00:99"
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.add(1)
	l.ping(l.boxes[0], routerAddr)
	l.host.IP("link set eth0 address " + other)
	mac, err := net.ParseMAC(other)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range l.boxes {
		name := fmt.Sprintf("ipvl%d", i)
		l.await(name+" has the new MAC", defaultWait, func() bool { return strings.Contains(b.IP("link show "+name), other) })
		// As in the kernel the link-local address follows when the link comes up.
		b.IP("link set " + name + " down")
		b.IP("link set " + name + " up")
		l.wantState(name, link.LinkLocal(mac, uint16(i+1)).String(), "active")
	}
	l.router.IP("neigh flush dev eth0")
	for _, b := range l.boxes {
		l.ping(b, routerAddr)
	}
	l.ping(l.boxes[0], boxAddr(1))
	l.ping(l.host, routerAddr)
	for line := range strings.Lines(l.router.IP("-4 neigh show dev eth0")) {
		if strings.Contains(line, "lladdr") && !strings.Contains(line, other) {
			t.Errorf("another MAC on the wire: %s", line)
		}
	}
	l.verify()
	l.stop()
}

func TestSlavesSeeTheWiresCarrier(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.ping(l.boxes[0], routerAddr)
	carrier := func(want bool) {
		t.Helper()
		for _, name := range []string{"eth0", "ipvl0"} {
			l.await(fmt.Sprintf("carrier of %s is %v", name, want), defaultWait, func() bool {
				return slices.Contains(l.link(name).Flags, "LOWER_UP") == want
			})
		}
		l.await("the container sees it", defaultWait, func() bool {
			return strings.Contains(l.boxes[0].IP("link show ipvl0"), "NO-CARRIER") != want
		})
	}
	carrier(true)
	l.router.IP("link set eth0 down")
	carrier(false)
	l.wantState("ipvl0", boxAddr(0), "active")
	l.router.IP("link set eth0 up")
	carrier(true)
	l.ping(l.boxes[0], routerAddr)
	l.verify()
	l.stop()
}
