package link_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/sysctl"

	"golang.org/x/sys/unix"
)

var testMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}

func TestLinkLocalFollowsIpvlansFormula(t *testing.T) {
	for _, c := range []struct {
		mac  net.HardwareAddr
		id   uint16
		want string
	}{
		{testMAC, 1, "fe80::200:0:100:1"},
		{testMAC, 0x1234, "fe80::200:12:3400:1"},
		{net.HardwareAddr{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}, 0xfffd, "fe80::aabb:ccff:fddd:eeff"},
	} {
		if got := link.LinkLocal(c.mac, c.id).String(); got != c.want {
			t.Errorf("%v id %d: got %s, want %s", c.mac, c.id, got, c.want)
		}
	}
	if got, want := link.EUI64(testMAC).String(), "fe80::ff:fe00:1"; got != want {
		t.Errorf("EUI-64: got %s, want %s", got, want)
	}
}

// linkLocals lists t0's link-local addresses.
func linkLocals(t *testing.T, l link.Link) string {
	t.Helper()
	addrs, err := l.Addrs()
	try(t, err)
	var got []string
	for _, a := range addrs {
		if a.Prefix.Addr().IsLinkLocalUnicast() {
			got = append(got, a.Prefix.Addr().String())
		}
	}
	return strings.Join(got, " ")
}

// slave makes t0 with the test's MAC.
func slave(t *testing.T) (hosttest.NS, link.Link) {
	t.Helper()
	ns := hosttest.NewNS(t)
	ns.TAP("t0")
	l := in(t, ns, "t0")
	try(t, l.SetMAC(testMAC))
	return ns, l
}

func TestEnsureLinkLocalReplacesTheSharedAddress(t *testing.T) {
	_, l := slave(t)
	try(t, l.SetUp(true))
	if got := linkLocals(t, l); got != link.EUI64(testMAC).String() {
		t.Fatalf("before: got %q, want the kernel's %v", got, link.EUI64(testMAC))
	}
	for range 2 {
		try(t, l.EnsureLinkLocal(1))
		if got, want := linkLocals(t, l), "fe80::200:0:100:1"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEnsureLinkLocalOnDownInterfaceOutlivesUp(t *testing.T) {
	ns, l := slave(t)
	try(t, l.EnsureLinkLocal(1))
	try(t, l.SetUp(true))
	if got, want := linkLocals(t, l), "fe80::200:0:100:1"; got != want {
		t.Errorf("after up: got %q, want %q", got, want)
	}
	ns.IP("link set t0 down")
	ns.IP("link set t0 up")
	if got := linkLocals(t, l); got != "" {
		t.Errorf("after down and up: got %q, want none", got)
	}
	try(t, l.EnsureLinkLocal(1))
	if got, want := linkLocals(t, l), "fe80::200:0:100:1"; got != want {
		t.Errorf("ensured again: got %q, want %q", got, want)
	}
}

func TestEnsureLinkLocalAfterAMove(t *testing.T) {
	_, l := slave(t)
	try(t, l.EnsureLinkLocal(1))
	to := hosttest.NewNS(t)
	fd := to.Open()
	defer unix.Close(fd)
	try(t, l.MoveTo(fd))
	moved := in(t, to, "t0")
	try(t, moved.SetUp(true))
	if got := linkLocals(t, moved); got != link.EUI64(testMAC).String() {
		t.Fatalf("after the move: got %q, want the kernel's %v", got, link.EUI64(testMAC))
	}
	try(t, moved.EnsureLinkLocal(1))
	if got, want := linkLocals(t, moved), "fe80::200:0:100:1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEnsureLinkLocalRespectsTheUser(t *testing.T) {
	ns, l := slave(t)
	for _, c := range []struct{ name, setUp, want string }{
		{"random", "link set t0 addrgenmode random", "kernel's"},
		{"own address in mode none", "link set t0 addrgenmode none", "fe80::1"},
	} {
		ns.IP("link set t0 down")
		ns.IP(c.setUp)
		try(t, l.SetUp(true))
		if c.want == "fe80::1" {
			ns.IP("addr add fe80::1/64 dev t0")
		}
		before := linkLocals(t, l)
		try(t, l.EnsureLinkLocal(1))
		if got := linkLocals(t, l); got != before || got == "" {
			t.Errorf("%s: got %q, want %q as it was", c.name, got, before)
		}
	}
}

func TestEnsureLinkLocalWithoutIPv6DoesNothing(t *testing.T) {
	ns, l := slave(t)
	ns.Do(func() error { return sysctl.Set("ipv6/conf/t0/disable_ipv6", "1") })
	try(t, l.SetUp(true))
	try(t, l.EnsureLinkLocal(1))
	if got := linkLocals(t, l); got != "" {
		t.Errorf("disable_ipv6: got %q, want none", got)
	}
	try(t, l.SetMTU(1279)) // below IPv6's minimum: no IPv6 at all
	try(t, l.EnsureLinkLocal(1))
}

func TestTokenIsTheInterfaceIdentifier(t *testing.T) {
	_, l := slave(t)
	try(t, l.SetToken(link.LinkLocal(testMAC, 1)))
	if got, want := state(t, l).Token, netip.MustParseAddr("::200:0:100:1"); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	try(t, l.SetNoARP(true))
	if err := l.SetToken(link.LinkLocal(testMAC, 2)); !errors.Is(err, unix.EINVAL) {
		t.Errorf("with ARP off: got %v, want EINVAL", err)
	}
}
