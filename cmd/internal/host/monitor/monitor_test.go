package monitor_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/monitor"

	"golang.org/x/sys/unix"
)

// patience bounds how long a test waits for an event.
const patience = 40 * time.Second

// fixture is a monitor in a namespace of its own.
type fixture struct {
	hosttest.NS
	*monitor.Monitor
	t *testing.T
}

func setUp(t *testing.T, o monitor.Options) *fixture {
	t.Helper()
	f := &fixture{NS: hosttest.NewNS(t), t: t}
	f.Do(func() (err error) {
		f.Monitor, err = monitor.Open(o)
		return err
	})
	t.Cleanup(f.Close)
	return f
}

// next is the next event.
func (f *fixture) next() monitor.Event {
	f.t.Helper()
	select {
	case e := <-f.Events():
		return e
	case <-time.After(patience):
		f.t.Fatal("no event")
		return monitor.Event{}
	}
}

// until gives the first event that is right; those before it are dropped.
func (f *fixture) until(what string, right func(monitor.Event) bool) monitor.Event {
	f.t.Helper()
	var seen []string
	for end := time.After(patience); ; {
		select {
		case e := <-f.Events():
			if right(e) {
				return e
			}
			seen = append(seen, fmt.Sprintf("%s %v", e.Key, e.Kind))
		case <-end:
			f.t.Fatalf("no event: %s; seen %v", what, seen)
		}
	}
}

func (f *fixture) untilKind(key string, k monitor.Kind) monitor.Event {
	f.t.Helper()
	return f.until(fmt.Sprintf("%s %v", key, k), func(e monitor.Event) bool { return e.Key == key && e.Kind == k })
}

// slave watches a new TAP of the fixture's namespace and awaits its Sync.
func (f *fixture) slave(key, ifname string) hosttest.TAP {
	f.t.Helper()
	tap := f.TAP(ifname)
	f.Add(monitor.Target{Key: key, Locator: tap})
	f.untilKind(key, monitor.Sync)
	return tap
}

func addrs(e monitor.Event) string {
	var s []string
	for _, a := range e.Addrs {
		s = append(s, a.String())
	}
	return strings.Join(s, " ")
}

func TestAddGivesASyncWithEverything(t *testing.T) {
	f := setUp(t, monitor.Options{})
	tap := f.TAP("t0")
	f.IP("addr add 10.0.0.2/24 dev t0")
	f.IP("addr add 10.0.0.1 peer 10.0.0.9 dev t0")
	f.IP("addr add fd00::1/64 dev t0")
	f.Add(monitor.Target{Key: "eth0/1", Locator: tap})
	e := f.next()
	if e.Key != "eth0/1" || e.Kind != monitor.Sync || e.Netns != f.ID() || e.NetnsName != f.Name || e.Link.Name != "t0" {
		t.Errorf("got %+v", e)
	}
	if got, want := addrs(e), "10.0.0.1 10.0.0.2 fd00::1"; got != want {
		t.Errorf("addresses %q, want %q", got, want)
	}
}

func TestPeersAreReportedInPlaceOfTheirAddresses(t *testing.T) {
	f := setUp(t, monitor.Options{Peers: true})
	tap := f.TAP("t0")
	f.IP("addr add 10.0.0.1 peer 10.0.0.9 dev t0")
	f.IP("addr add 10.0.0.2/24 dev t0")
	f.IP("addr add fd00::1 peer fd00::9 dev t0")
	f.Add(monitor.Target{Key: "s", Locator: tap})
	if got, want := addrs(f.untilKind("s", monitor.Sync)), "10.0.0.2 10.0.0.9 fd00::1"; got != want {
		t.Errorf("addresses %q, want %q", got, want)
	}
	f.IP("addr del 10.0.0.1 peer 10.0.0.9 dev t0")
	if e := f.untilKind("s", monitor.AddrRemoved); e.Addr.String() != "10.0.0.9" {
		t.Errorf("removed %v, want the peer 10.0.0.9", e.Addr)
	}
}

func TestAddressesComeAndGo(t *testing.T) {
	f := setUp(t, monitor.Options{})
	f.slave("s", "t0")
	f.IP("link set t0 up")
	for _, a := range []string{"10.0.0.1/24", "fd00::1/64"} { // the second is tentative
		want := netip.MustParsePrefix(a).Addr()
		f.IP("addr add " + a + " dev t0")
		if e := f.until("added", func(e monitor.Event) bool { return e.Kind == monitor.AddrAdded && !e.Addr.IsLinkLocalUnicast() }); e.Addr != want {
			t.Errorf("added %v, want %v", e.Addr, want)
		}
		f.IP("addr del " + a + " dev t0")
		if e := f.untilKind("s", monitor.AddrRemoved); e.Addr != want {
			t.Errorf("removed %v, want %v", e.Addr, want)
		}
	}
}

func TestAnAddressWithTwoPeersGoesWithTheLast(t *testing.T) {
	f := setUp(t, monitor.Options{})
	f.slave("s", "t0")
	f.IP("addr add 10.0.0.1 peer 10.0.0.8 dev t0")
	f.IP("addr add 10.0.0.1 peer 10.0.0.9 dev t0")
	f.IP("addr del 10.0.0.1 peer 10.0.0.8 dev t0")
	f.IP("addr add 10.0.0.2/24 dev t0")
	var got []string
	for range 2 {
		e := f.next()
		got = append(got, fmt.Sprint(e.Kind, " ", e.Addr))
	}
	if want := []string{"addr added 10.0.0.1", "addr added 10.0.0.2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLinkChangesAreTold(t *testing.T) {
	f := setUp(t, monitor.Options{})
	f.slave("s", "t0")
	for _, c := range []struct {
		args  string
		right func(link.State) bool
	}{
		{"link set t0 up", func(s link.State) bool { return s.Up() }},
		{"link set t0 carrier off", func(s link.State) bool { return !s.Carrier() }},
		{"link set t0 carrier on", func(s link.State) bool { return s.Carrier() }},
		{"link set t0 mtu 1400", func(s link.State) bool { return s.MTU == 1400 }},
		{"link set t0 address 02:00:00:00:00:09", func(s link.State) bool { return s.MAC().String() == "02:00:00:00:00:09" }},
		{"link set t0 arp off", func(s link.State) bool { return s.Flags&unix.IFF_NOARP != 0 }},
		{"link set t0 down", func(s link.State) bool { return !s.Up() }},
		{"link set t0 name eth0", func(s link.State) bool { return s.Name == "eth0" }},
	} {
		f.IP(c.args)
		f.until(c.args, func(e monitor.Event) bool { return e.Kind == monitor.Link && c.right(e.Link) })
	}
}

func TestSlaveIsFollowedThroughNamespaces(t *testing.T) {
	f := setUp(t, monitor.Options{})
	a, b := hosttest.NewNS(t), hosttest.NewNS(t)
	f.slave("s", "t0")
	here := f.NS
	for i, step := range []struct {
		to   hosttest.NS
		name string
	}{{a, "eth0"}, {b, "eth1"}, {a, "eth0"}, {f.NS, "t0"}, {b, "eth0"}} {
		old := "t0"
		if i > 0 {
			old = []string{"eth0", "eth1", "eth0", "t0"}[i-1]
		}
		here.IP(fmt.Sprintf("link set %s netns %s name %s", old, step.to.Name, step.name))
		e := f.until("sync", func(e monitor.Event) bool { return e.Kind == monitor.Sync && e.Netns == step.to.ID() })
		if e.NetnsName != step.to.Name || e.Link.Name != step.name || len(e.Addrs) != 0 {
			t.Errorf("move %d: got %+v, want %s in %s", i, e, step.name, step.to.Name)
		}
		here = step.to
		here.IP("addr add 10.0.0.7/24 dev " + step.name)
		if e := f.untilKind("s", monitor.AddrAdded); e.Addr.String() != "10.0.0.7" || e.Netns != step.to.ID() {
			t.Errorf("move %d: got %+v, want 10.0.0.7 added in %s", i, e, step.to.Name)
		}
	}
}

func TestTwoSlavesOfOneNameInTwoNamespaces(t *testing.T) {
	f := setUp(t, monitor.Options{})
	for i, ns := range []hosttest.NS{hosttest.NewNS(t), hosttest.NewNS(t)} {
		key := fmt.Sprint("s", i)
		f.slave(key, "t0")
		f.IP("link set t0 netns " + ns.Name + " name eth0")
		f.until("moved", func(e monitor.Event) bool { return e.Key == key && e.Kind == monitor.Sync && e.Netns == ns.ID() })
		ns.IP(fmt.Sprintf("addr add 10.0.0.%d/24 dev eth0", i+1))
		if e := f.until("added", func(e monitor.Event) bool { return e.Kind == monitor.AddrAdded }); e.Key != key {
			t.Errorf("address of %s told for %s", key, e.Key)
		}
	}
}

func TestDeletedSlaveIsGone(t *testing.T) {
	f := setUp(t, monitor.Options{})
	tap := f.slave("s", "t0")
	tap.Close()
	if e := f.untilKind("s", monitor.Gone); e.Err == nil || !strings.Contains(e.Err.Error(), "s:") {
		t.Errorf("got error %v, want one that names s", e.Err)
	}
}

func TestSlaveOfADeletedNamespaceIsGone(t *testing.T) {
	f := setUp(t, monitor.Options{})
	ns := hosttest.NewNS(t)
	f.slave("s", "t0")
	f.IP("link set t0 netns " + ns.Name)
	f.until("moved", func(e monitor.Event) bool { return e.Kind == monitor.Sync && e.Netns == ns.ID() })
	ns.Delete() // the monitor must not keep it
	f.untilKind("s", monitor.Gone)
}

func TestRemovedSlaveIsSilent(t *testing.T) {
	f := setUp(t, monitor.Options{})
	f.slave("old", "t0")
	f.Remove("old")
	f.slave("new", "t1")
	f.IP("addr add 10.0.0.1/24 dev t0")
	f.IP("addr add 10.0.0.2/24 dev t1")
	if e := f.next(); e.Key != "new" || e.Kind != monitor.AddrAdded {
		t.Errorf("got %+v, want the address of new", e)
	}
}

func TestUnknownInterfaceIsGoneAtOnce(t *testing.T) {
	f := setUp(t, monitor.Options{})
	f.Add(monitor.Target{Key: "wire", Locator: monitor.Fixed{NS: f.Name, Index: 4711}})
	if e := f.next(); e.Kind != monitor.Gone || e.Err == nil {
		t.Errorf("got %+v, want gone", e)
	}
}

func TestWireInAPrivateNamespace(t *testing.T) {
	f := setUp(t, monitor.Options{})
	private := hosttest.NewNS(t)
	private.IP("link add w0 type veth peer name w1")
	fd := private.Open()
	_, s, err := link.ByName(fd, "w0")
	unix.Close(fd)
	if err != nil {
		t.Fatal(err)
	}
	f.Add(monitor.Target{Key: "wire", Locator: monitor.Fixed{NS: private.Name, Index: s.Index}})
	f.untilKind("wire", monitor.Sync)
	private.IP("link set w0 mtu 1450 name wire0")
	f.until("mtu", func(e monitor.Event) bool { return e.Link.MTU == 1450 && e.Link.Name == "wire0" })
	private.IP("link del w1")
	f.untilKind("wire", monitor.Gone)
}

func TestHeldNamespaceThatNobodyElseKeepsIsOrphaned(t *testing.T) {
	f := setUp(t, monitor.Options{})
	ns := hosttest.NewNS(t)
	tap := ns.TAP("eth0") // its descriptor keeps ns alive, as after a restart
	f.Add(monitor.Target{Key: "s", Locator: tap, Held: true})
	f.untilKind("s", monitor.Sync)
	other := hosttest.NewNS(t)
	other.Delete() // makes the monitor look while ns is still named
	id := ns.ID()
	ns.Delete()
	if e := f.next(); e.Kind != monitor.Orphaned || e.Netns != id {
		t.Errorf("got %+v, want orphaned in %v", e, id)
	}
	tap.Close()
}

func TestCloseEndsTheEvents(t *testing.T) {
	ns := hosttest.NewNS(t)
	var m *monitor.Monitor
	ns.Do(func() (err error) {
		m, err = monitor.Open(monitor.Options{})
		return err
	})
	m.Add(monitor.Target{Key: "s", Locator: ns.TAP("t0")})
	m.Close()
	for range m.Events() {
	}
}

// batch runs `ip` commands in the namespace.
func batch(ns hosttest.NS, commands string) error {
	cmd := exec.Command("ip", "-n", ns.Name, "-batch", "-")
	cmd.Stdin = strings.NewReader(commands)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip -batch: %w: %s", err, out)
	}
	return nil
}
