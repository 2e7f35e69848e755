package takeover_test

import (
	"errors"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/internal/host/takeover"
	"ipvd/cmd/internal/store"

	"golang.org/x/sys/unix"
)

// recover does what a daemon does when it finds records of a killed one.
func (f *fixture) recover() (rec store.Wire, err error) {
	f.t.Helper()
	recs, loadErr := f.dir.Wires.Load()
	if loadErr != nil || len(recs) != 1 {
		f.t.Fatalf("records %v, %v; want one", recs, loadErr)
	}
	f.Do(func() error {
		err = takeover.Recover(recs[0], f.dir.Wires)
		return nil
	})
	return recs[0], err
}

func TestRecoverAfterAKill(t *testing.T) {
	for name, kill := range map[string]func(f *fixture, w *takeover.Wire){
		"while it was put back": func(f *fixture, w *takeover.Wire) {
			private := hosttest.Existing(f.t, w.Record().Netns)
			private.IP("link set m0 netns " + f.Name)
		},
		"before the host port":   func(*fixture, *takeover.Wire) {},
		"after the host port":    func(f *fixture, w *takeover.Wire) { f.TAP("m0"); f.try(w.Configure("m0")) },
		"host port went with it": func(f *fixture, w *takeover.Wire) { tap := f.TAP("m0"); f.try(w.Configure("m0")); tap.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			f := setUp(t)
			before := f.picture()
			w, err := f.takeOver(takeover.Options{})
			f.try(err)
			kill(f, w)
			rec, err := f.recover()
			f.try(err)
			f.wantPicture(before)
			f.wantNothingLeft(rec)
		})
	}
}

func TestRecoverWhenNothingWasMovedYet(t *testing.T) {
	f := setUp(t)
	before := f.picture()
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	rec := w.Record()
	f.try(w.Restore())
	f.try(f.dir.Wires.Save(rec)) // as if killed right after it was written
	_, err = f.recover()
	f.try(err)
	f.wantPicture(before)
	f.wantNothingLeft(rec)
}

func TestRestoreOfAVanishedWireSaysSoAndCleansUp(t *testing.T) {
	f := setUp(t)
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	f.world.IP("link del w0") // takes its peer with it
	if err := w.Restore(); !errors.Is(err, takeover.ErrVanished) || !strings.Contains(err.Error(), "m0") {
		t.Errorf("got %v, want ErrVanished of m0", err)
	}
	f.wantNothingLeft(w.Record())
}

func TestRecoverLeavesAStrangerOfThatNameAlone(t *testing.T) {
	f := setUp(t)
	_, err := f.takeOver(takeover.Options{})
	f.try(err)
	f.world.IP("link del w0")
	f.IP("link add m0 type bridge")
	before := f.IP("addr show dev m0")
	rec, err := f.recover()
	if !errors.Is(err, takeover.ErrVanished) {
		t.Errorf("got %v, want ErrVanished", err)
	}
	if got := f.IP("addr show dev m0"); got != before {
		t.Errorf("the new m0 was changed: got:\n%s\nwant:\n%s", got, before)
	}
	f.wantNothingLeft(rec)
}

func TestRestoreWaitsWhileTheNameIsTaken(t *testing.T) {
	f := setUp(t)
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	f.IP("link add m0 type bridge")
	if err := w.Restore(); !errors.Is(err, unix.EEXIST) {
		t.Fatalf("got %v, want EEXIST", err)
	}
	f.IP("link del m0")
	f.try(w.Restore())
	f.wantNothingLeft(w.Record())
}

func TestTakeOverRefusesWhatCanBeNoMaster(t *testing.T) {
	for name, c := range map[string]struct {
		ifname, setUp string
		want          error
	}{
		"missing":       {"nope", "", link.ErrNotFound},
		"loopback":      {"lo", "", unix.EINVAL},
		"tun":           {"tun9", "tuntap add tun9 mode tun", unix.EINVAL},
		"tap":           {"tap9", "tuntap add tap9 mode tap", unix.EINVAL},
		"bridge port":   {"m0", "link set m0 master br0", unix.EBUSY},
		"macvlan below": {"m0", "link add link m0 mv0 type macvlan", unix.EBUSY},
		"default route": {"m0", "route add default via 10.0.0.254 dev m0", takeover.ErrDefaultRoute},
		"v6 default":    {"m0", "-6 route add default via fd00::fe dev m0", takeover.ErrDefaultRoute},
		"default by RA": {"m0", "-6 route add default via fd00::fe dev m0 proto ra", takeover.ErrDefaultRoute},
	} {
		t.Run(name, func(t *testing.T) {
			f := setUp(t)
			f.IP("link add br0 type bridge")
			if c.setUp != "" {
				f.IP(c.setUp)
			}
			show := func() string { // but the lifetimes, which get shorter
				return volatile.ReplaceAllString(f.IP("-4 addr show dev m0")+f.IP("route"), "")
			}
			before := show()
			f.Do(func() error {
				_, err := takeover.TakeOver(c.ifname, f.dir.Wires, takeover.Options{})
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.ifname) {
					t.Errorf("got %v, want %v that names %s", err, c.want, c.ifname)
				}
				return nil
			})
			if got := show(); got != before {
				t.Errorf("something changed: got:\n%s\nwant:\n%s", got, before)
			}
			if recs, _ := f.dir.Wires.Load(); len(recs) != 0 {
				t.Errorf("records left: %v", recs)
			}
		})
	}
}

func TestForceTakesTheDefaultRouteAlong(t *testing.T) {
	f := setUp(t)
	f.IP("route add default via 10.0.0.254 dev m0")
	if _, err := f.takeOver(takeover.Options{}); err == nil || !strings.Contains(err.Error(), "10.0.0.254") {
		t.Errorf("got %v, want an error that names the route", err)
	}
	w, err := f.takeOver(takeover.Options{Force: true})
	f.try(err)
	f.TAP("m0")
	f.try(w.Configure("m0"))
	if got := f.IP("route show default"); !strings.Contains(got, "via 10.0.0.254 dev m0") {
		t.Errorf("host port has no default route: %q", got)
	}
	f.try(w.Restore())
	if got := f.IP("route show default"); !strings.Contains(got, "via 10.0.0.254 dev m0") {
		t.Errorf("wire has no default route: %q", got)
	}
}

func TestMultipathRoutesComeBack(t *testing.T) {
	f := setUp(t)
	f.IP("route add 172.16.0.0/16 nexthop via 10.0.0.253 dev m0 weight 2 nexthop via 10.0.0.254 dev m0")
	f.IP("nexthop add id 9 via 10.0.0.252 dev m0")
	f.IP("route add 172.17.0.0/16 nhid 9")
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	f.TAP("m0")
	f.try(w.Configure("m0"))
	f.try(w.Restore())
	got := f.IP("route show 172.16.0.0/16") + f.IP("route show 172.17.0.0/16")
	for _, want := range []string{"via 10.0.0.253 dev m0 weight 2", "via 10.0.0.254 dev m0 weight 1", "172.17.0.0/16 via 10.0.0.252 dev m0"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestRestoreWorksFromAnyThread(t *testing.T) {
	f := setUp(t)
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	// Restore is called from a thread of the test's own namespace.
	if here, _ := netns.IDOf(netns.Here); here == f.ID() {
		t.Fatal("test runs in the fixture's namespace")
	}
	f.try(w.Restore())
	f.IP("link show m0")
}

func TestSourceRoutesDoNotWaitForDuplicateAddressDetection(t *testing.T) {
	f := setUp(t)
	f.Do(func() error { return sysctl.Set("ipv6/conf/all/accept_dad", "1") })
	f.IP("addr add fd00:2::1/64 dev m0 nodad")
	f.IP("addr change fd00:2::1/64 dev m0") // takes nodad back
	f.IP("-6 route add 2001:db8:2::/48 via fd00:2::fe dev m0 src fd00:2::1")
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	f.TAP("m0")
	f.try(w.Configure("m0"))
	f.try(w.Restore())
	if got := f.IP("-6 route show 2001:db8:2::/48"); !strings.Contains(got, "src fd00:2::1") {
		t.Errorf("route is not back: %q", got)
	}
	if got := f.IP("-6 addr show dev m0 to fd00:2::1"); strings.Contains(got, "nodad") || strings.Contains(got, "tentative") {
		t.Errorf("want fd00:2::1 neither nodad nor tentative:\n%s", got)
	}
}

func TestAWireWhoseMACWasChangedComesBackAsItWas(t *testing.T) {
	f := setUp(t)
	before := f.picture()
	w, err := f.takeOver(takeover.Options{})
	f.try(err)
	hosttest.Existing(t, w.Record().Netns).IP("link set m0 address 02:00:00:00:00:99")
	f.try(w.Restore())
	f.wantPicture(before)
}
