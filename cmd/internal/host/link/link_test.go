package link_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/link"

	"golang.org/x/sys/unix"
)

// in gives a Link of a namespace of its own; the descriptor ends with the test.
func in(t *testing.T, ns hosttest.NS, name string) link.Link {
	t.Helper()
	fd := ns.Open()
	t.Cleanup(func() { unix.Close(fd) })
	l, _, err := link.ByName(fd, name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func state(t *testing.T, l link.Link) link.State {
	t.Helper()
	s, err := l.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSettingsReachTheInterface(t *testing.T) {
	ns := hosttest.NewNS(t)
	ns.TAP("t0")
	l := in(t, ns, "t0")
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	try(t, l.SetMAC(mac))
	try(t, l.SetMTU(1400))
	try(t, l.SetAlias("ipvd:eth0:1"))
	try(t, l.SetTxQLen(77))
	try(t, l.SetUp(true))
	try(t, l.SetCarrier(false))
	s := state(t, l)
	if s.MAC().String() != mac.String() || s.MTU != 1400 || s.Alias != "ipvd:eth0:1" || s.TxQLen != 77 {
		t.Errorf("got %+v", s)
	}
	if !s.Up() || s.Carrier() {
		t.Errorf("flags %#x: want up without carrier", s.Flags)
	}
	try(t, l.SetCarrier(true))
	try(t, l.Rename("t1"))
	if s = state(t, l); !s.Carrier() || s.Name != "t1" || s.Kind != "tun" {
		t.Errorf("got %+v, want carrier, name t1, kind tun", s)
	}
}

func TestNoARPChangesNoOtherFlag(t *testing.T) {
	ns := hosttest.NewNS(t)
	ns.TAP("t0")
	l := in(t, ns, "t0")
	ns.IP("link set t0 up multicast off promisc on")
	before := state(t, l).Flags
	try(t, l.SetNoARP(true))
	if got, want := state(t, l).Flags, before|unix.IFF_NOARP; got != want {
		t.Errorf("off: flags %#x, want %#x", got, want)
	}
	try(t, l.SetNoARP(false))
	if got := state(t, l).Flags; got != before {
		t.Errorf("on again: flags %#x, want %#x", got, before)
	}
}

func TestMissingInterfaceIsNamed(t *testing.T) {
	ns := hosttest.NewNS(t)
	fd := ns.Open()
	defer unix.Close(fd)
	_, _, err := link.ByName(fd, "nope")
	if !errors.Is(err, link.ErrNotFound) || !strings.Contains(err.Error(), "nope") {
		t.Errorf("got %v, want ErrNotFound that names nope", err)
	}
	err = link.Link{NS: fd, Index: 4711, Name: "t9"}.SetMTU(1400)
	if !errors.Is(err, link.ErrNotFound) || !strings.Contains(err.Error(), "t9: set mtu 1400") {
		t.Errorf("got %v, want ErrNotFound of t9: set mtu 1400", err)
	}
}

func TestAddrsGivesTheLocalAddressNotThePeer(t *testing.T) {
	ns := hosttest.NewNS(t)
	ns.TAP("t0")
	ns.TAP("t1")
	ns.IP("addr add 10.0.0.1 peer 10.0.0.2 dev t0")
	ns.IP("addr add fd00::1 peer fd00::2 dev t0")
	ns.IP("addr add 10.0.0.9/24 dev t1")
	addrs, err := in(t, ns, "t0").Addrs()
	try(t, err)
	var got []string
	for _, a := range addrs {
		got = append(got, a.Prefix.String())
	}
	if want := "10.0.0.1/32 fd00::1/128"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	if _, ok := link.ParseState(make([]byte, unix.SizeofIfInfomsg-1)); ok {
		t.Error("short link message accepted")
	}
	if _, ok := link.ParseAddr(make([]byte, unix.SizeofIfAddrmsg)); ok {
		t.Error("address message without an address accepted")
	}
	for _, b := range [][]byte{{4}, {3, 0, 1, 0}, {9, 0, 1, 0, 1, 2, 3, 4}, {0, 0, 0, 0}} {
		for kind, v := range link.Attrs(b) {
			t.Errorf("attributes % x: got %d % x, want none", b, kind, v)
		}
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(make([]byte, 16), true)
	f.Add(append(make([]byte, 8), 8, 0, 1, 0, 10, 0, 0, 1), false)
	f.Fuzz(func(t *testing.T, b []byte, isLink bool) {
		if isLink {
			link.ParseState(b)
			return
		}
		if a, ok := link.ParseAddr(b); ok && a.Prefix.Bits() > a.Prefix.Addr().BitLen() {
			t.Errorf("impossible prefix %v", a.Prefix)
		}
	})
}

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
	ns.Do(func() error { return writeFile("/proc/sys/net/ipv6/conf/t0/disable_ipv6", "1") })
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

func writeFile(path, v string) error { return os.WriteFile(path, []byte(v), 0) }
