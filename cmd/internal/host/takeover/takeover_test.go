package takeover_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/takeover"
	"ipvd/cmd/internal/store"

	"golang.org/x/sys/unix"
)

// fixture is a daemon's namespace with a veth m0 as the NIC, whose peer w0 is
// in another one, and a state directory.
type fixture struct {
	hosttest.NS
	t     *testing.T
	world hosttest.NS
	dir   *store.Dir
}

func setUp(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{NS: hosttest.NewNS(t), t: t, world: hosttest.NewNS(t)}
	var err error
	if f.dir, err = store.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, _ := f.dir.Wires.Load(); len(left) > 0 {
			for _, rec := range left {
				netns.Delete(rec.Netns)
			}
		}
		f.dir.Close()
	})
	// Without duplicate address detection pictures do not depend on the time.
	for _, conf := range []string{"all", "default"} {
		f.Do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/"+conf+"/accept_dad", []byte("0"), 0) })
	}
	for _, args := range []string{
		"link add m0 address 02:00:00:00:00:01 type veth peer name w0 netns " + f.world.Name,
		"link set m0 mtu 1400 txqueuelen 321 up",
		"addr add 10.0.0.1/24 brd + dev m0",
		"addr add 10.0.0.2/24 dev m0",
		"addr add 10.1.0.1/32 dev m0 scope link",
		"addr add 10.2.0.1/24 dev m0 valid_lft 3000 preferred_lft 2000",
		"addr add fd00::1/64 dev m0 nodad",
		"route add 192.0.2.0/24 via 198.51.100.1 dev m0 onlink metric 7",
		"route add 198.51.100.0/24 via 10.0.0.254 dev m0 mtu 1300 proto static",
		"route add 203.0.113.0/24 dev m0 table 100 src 10.0.0.2",
		"-6 route add 2001:db8:1::/48 via fd00::fe dev m0 src fd00::1",
	} {
		f.IP(args)
	}
	f.world.IP("link set w0 up")
	f.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/conf/m0/rp_filter", []byte("2"), 0) })
	f.eventually("link-local address", func() bool { return strings.Contains(f.picture(), "fe80:") })
	return f
}

// takeOver takes m0 over in the fixture's namespace.
func (f *fixture) takeOver(o takeover.Options) (w *takeover.Wire, err error) {
	f.Do(func() error {
		w, err = takeover.TakeOver("m0", f.dir.Wires, o)
		return nil
	})
	return w, err
}

func (f *fixture) try(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

var (
	volatile = regexp.MustCompile(`(?m)^\d+: |@\S+|valid_lft \d+sec|preferred_lft \d+sec|link-netns\S* \S+|linkdown|qdisc \S+|tentative`)
	spaces   = regexp.MustCompile(`[ \t]+`)
)

// picture is what an administrator sees of m0's addresses and routes.
func (f *fixture) picture() string {
	f.t.Helper()
	s := f.IP("addr show dev m0") + f.IP("route show table all dev m0") + f.IP("-6 route show table all dev m0 proto static") +
		f.IP("-6 route show 2001:db8:1::/48")
	return spaces.ReplaceAllString(volatile.ReplaceAllString(s, ""), " ")
}

// eventually waits for what the kernel does a moment after the carrier came.
func (f *fixture) eventually(what string, done func() bool) {
	f.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Errorf("still not there: %s", what)
			return
		}
	}
}

// wantPicture checks that m0 looks as it did before.
func (f *fixture) wantPicture(before string) {
	f.t.Helper()
	f.eventually(before, func() bool { return f.picture() == before })
	if f.t.Failed() {
		f.t.Logf("but:\n%s", f.picture())
	}
}

// config is the picture without what differs between a veth and a TAP.
func (f *fixture) config() string {
	var keep []string
	for _, line := range strings.Split(f.picture(), "\n") {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "m0") && !strings.Contains(line, "fe80:") && !strings.HasPrefix(line, "multicast ff00") {
			keep = append(keep, line)
		}
	}
	return strings.Join(keep, "\n")
}

func TestTakeOverHidesTheInterfaceFromTheHost(t *testing.T) {
	f := setUp(t)
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	defer w.Restore()
	if out := f.IP("link show"); strings.Contains(out, "m0") {
		t.Errorf("m0 still in the host's namespace:\n%s", out)
	}
	fd, err := w.OpenNetns()
	f.try(err)
	defer unix.Close(fd)
	l, s, err := link.ByName(fd, "m0")
	f.try(err)
	if !s.Up() || s.Flags&unix.IFF_NOARP == 0 || s.Index != w.Index() {
		t.Errorf("flags %#x, index %d; want up and noarp, %d", s.Flags, s.Index, w.Index())
	}
	if addrs, err := l.Addrs(); err != nil || len(addrs) != 0 {
		t.Errorf("addresses %v, %v; want none", addrs, err)
	}
	if recs, err := f.dir.Wires.Load(); err != nil || len(recs) != 1 || recs[0].Name != "m0" {
		t.Errorf("records %+v, %v; want m0", recs, err)
	}
}

func TestConfigureMakesTheHostPortLookLikeTheWire(t *testing.T) {
	f := setUp(t)
	before := f.config()
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	defer w.Restore()
	f.TAP("m0")
	for range 2 {
		f.try(w.Configure("m0"))
		if got := f.config(); got != before {
			t.Errorf("got:\n%s\nwant:\n%s", got, before)
		}
	}
	if out := f.IP("link show m0"); !strings.Contains(out, "02:00:00:00:00:01") || !strings.Contains(out, "mtu 1400") {
		t.Errorf("want the wire's MAC and MTU:\n%s", out)
	}
	if got := f.Sysctl("ipv4/conf/m0/rp_filter"); got != "2" {
		t.Errorf("rp_filter %s, want 2 as the wire had", got)
	}
}

func TestRestorePutsEverythingBack(t *testing.T) {
	f := setUp(t)
	before := f.picture()
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	f.TAP("m0")
	f.try(w.Configure("m0"))
	for range 2 {
		f.try(w.Restore())
	}
	f.wantPicture(before)
	if got := f.Sysctl("ipv4/conf/m0/rp_filter"); got != "2" {
		t.Errorf("rp_filter %s, want 2", got)
	}
	f.wantNothingLeft(w.Record())
}

func TestRestoreTakesWhatTheHostPortHasNow(t *testing.T) {
	f := setUp(t)
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	f.TAP("m0")
	f.try(w.Configure("m0"))
	f.IP("addr del 10.1.0.1/32 dev m0")
	f.IP("addr add 10.9.0.1/24 dev m0")
	f.IP("route add default via 10.9.0.254 dev m0")
	f.IP("route del 192.0.2.0/24")
	f.try(w.Restore())
	got := f.picture()
	for text, want := range map[string]bool{"10.9.0.1/24": true, "default via 10.9.0.254": true, "10.1.0.1": false, "192.0.2.0": false} {
		if strings.Contains(got, text) != want {
			t.Errorf("%q is there: %v, want %v, in:\n%s", text, !want, want, got)
		}
	}
}

// wantNothingLeft checks that neither the record nor the namespace is left.
func (f *fixture) wantNothingLeft(rec store.Wire) {
	f.t.Helper()
	if recs, err := f.dir.Wires.Load(); err != nil || len(recs) != 0 {
		f.t.Errorf("records %v, %v; want none", recs, err)
	}
	if _, err := os.Stat(filepath.Join(netns.Dir, rec.Netns)); !errors.Is(err, os.ErrNotExist) {
		f.t.Errorf("namespace %s is left: %v", rec.Netns, err)
	}
}
