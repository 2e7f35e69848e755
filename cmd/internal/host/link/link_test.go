package link_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

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
	if s = state(t, l); !s.Carrier() || s.Name != "t0" || s.Kind != "tun" {
		t.Errorf("got %+v, want carrier, name t0, kind tun", s)
	}
	try(t, l.Delete())
	if _, err := l.State(); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("deleted: got %v, want ErrNotFound", err)
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

func TestByAliasFindsARenamedInterface(t *testing.T) {
	ns := hosttest.NewNS(t)
	ns.TAP("one")
	ns.IP("link set one alias ipvd:eth0:1")
	ns.IP("link set one name two")
	fd := ns.Open()
	defer unix.Close(fd)
	if l, s, err := link.ByAlias(fd, "ipvd:eth0:1"); err != nil || l.Name != "two" || s.Index != l.Index {
		t.Errorf("got %+v, %v; want two", l, err)
	}
	if _, _, err := link.ByAlias(fd, "ipvd:eth0:2"); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestGroupsFollowTheStack: an address joins its solicited-node group (RFC 4291).
func TestGroupsFollowTheStack(t *testing.T) {
	ns := hosttest.NewNS(t)
	ns.TAP("t0")
	l := in(t, ns, "t0")
	ns.IP("link set t0 up")
	joined := func() bool {
		groups, err := l.Groups()
		try(t, err)
		return slices.ContainsFunc(groups, func(g net.HardwareAddr) bool { return g.String() == "33:33:ff:12:34:56" })
	}
	if joined() {
		t.Fatal("the group is joined before anybody asks for it")
	}
	ns.IP("addr add fd00::12:3456/64 dev t0 nodad")
	// The kernel joins it behind the caller's back.
	for end := time.Now().Add(time.Minute); !joined(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the group of a new address is not among the interface's")
		}
	}
	l.Index += 1000
	if groups, err := l.Groups(); err != nil || len(groups) > 0 {
		t.Errorf("no interface: got %v, %v", groups, err)
	}
}
