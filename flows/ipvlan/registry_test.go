package ipvlan

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var regA = netip.MustParseAddr("10.0.0.5")

func newTestRegistry(up ...uint32) *Registry {
	r := NewRegistry(RegistryConfig{})
	for _, slave := range up {
		r.SlaveUp(slave)
	}
	return r
}

func mustClaim(t *testing.T, r *Registry, slave uint32, a netip.Addr, from Source) []Event {
	t.Helper()
	e, err := r.Claim(slave, a, from)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func wantEvents(t *testing.T, what string, got []Event, want ...Event) {
	t.Helper()
	if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("%s: events\n%+v, want\n%+v", what, got, want)
	}
}

func wantOwner(t *testing.T, r *Registry, a netip.Addr, want uint32, in bool) {
	t.Helper()
	if got, ok := tableLookup(r.Table(), a); got != want || ok != in {
		t.Errorf("the table has %v at slave %d, %v, want %d, %v", a, got, ok, want, in)
	}
}

func TestFirstOwnerKeepsTheAddress(t *testing.T) {
	r := newTestRegistry(1, 2, 3)
	wantEvents(t, "first claim", mustClaim(t, r, 1, regA, Learned),
		Event{Addr: regA, Slave: 1, To: Active, Owner: 1})
	for _, slave := range []uint32{3, 2} {
		wantEvents(t, "later claim", mustClaim(t, r, slave, regA, Learned),
			Event{Addr: regA, Slave: slave, To: Conflict, Owner: 1})
	}
	wantOwner(t, r, regA, 1, true)
	wantEvents(t, "release", r.Release(1, regA, Learned),
		Event{Addr: regA, Slave: 1, From: Active},
		Event{Addr: regA, Slave: 3, From: Conflict, To: Active, Owner: 3})
	wantOwner(t, r, regA, 3, true)
	wantEvents(t, "owner gone", r.SlaveGone(3),
		Event{Addr: regA, Slave: 3, From: Active},
		Event{Addr: regA, Slave: 2, From: Conflict, To: Active, Owner: 2})
	wantEvents(t, "last release", r.Release(2, regA, Learned), Event{Addr: regA, Slave: 2, From: Active})
	wantOwner(t, r, regA, 0, false)
}

func TestDownSlaveKeepsItsAddressBusy(t *testing.T) {
	r := newTestRegistry(2)
	wantEvents(t, "claim while down", mustClaim(t, r, 1, regA, Learned),
		Event{Addr: regA, Slave: 1, To: Inactive, Owner: 1})
	mustClaim(t, r, 2, regA, Learned)
	wantOwner(t, r, regA, 0, false)
	err := r.Check(regA, 2)
	if !errors.Is(err, unix.EADDRINUSE) ||
		!strings.Contains(err.Error(), "Address already assigned to an ipvlan device (slave 1)") {
		t.Errorf("Check = %v, want EADDRINUSE with the kernel's text and slave 1", err)
	}
	wantEvents(t, "up", r.SlaveUp(1), Event{Addr: regA, Slave: 1, From: Inactive, To: Active, Owner: 1})
	wantOwner(t, r, regA, 1, true)
	wantEvents(t, "up again", r.SlaveUp(1))
	wantEvents(t, "down", r.SlaveDown(1), Event{Addr: regA, Slave: 1, From: Active, To: Inactive, Owner: 1})
	wantOwner(t, r, regA, 0, false)
}

func TestCheckLetsTheOwnerAndFreeAddressesPass(t *testing.T) {
	r := newTestRegistry(1)
	mustClaim(t, r, 1, regA, Static)
	for _, a := range []netip.Addr{regA, netip.MustParseAddr("10.0.0.6"), netip.MustParseAddr("fe80::1%ipvl0")} {
		if err := r.Check(a, 1); err != nil {
			t.Errorf("Check(%v) = %v", a, err)
		}
	}
}

func TestClaimLastsUntilItsLastSource(t *testing.T) {
	r := newTestRegistry(1)
	mustClaim(t, r, 1, regA, Static)
	wantEvents(t, "second source", mustClaim(t, r, 1, regA, Learned))
	wantEvents(t, "first source ends", r.Release(1, regA, Static))
	wantOwner(t, r, regA, 1, true)
	wantEvents(t, "last source ends", r.Release(1, regA, Learned), Event{Addr: regA, Slave: 1, From: Active})
	wantEvents(t, "no claim left", r.Release(1, regA, Learned))
}

func TestSyncMakesLearnedAddressesThoseOfTheDump(t *testing.T) {
	r := newTestRegistry(1)
	b, c := netip.MustParseAddr("10.0.0.6"), netip.MustParseAddr("fe80::1")
	mustClaim(t, r, 1, regA, Learned)
	mustClaim(t, r, 1, b, Static)
	events, err := r.Sync(1, []netip.Addr{c.WithZone("ipvl0")})
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, "sync", events, Event{Addr: regA, Slave: 1, From: Active},
		Event{Addr: c, Slave: 1, To: Active, Owner: 1})
	wantOwner(t, r, b, 1, true)
	wantOwner(t, r, c, 1, true)
	if events, err = r.Sync(1, []netip.Addr{c, {}}); !errors.Is(err, ErrAddr) || len(events) != 0 {
		t.Errorf("dump with no address in it: %+v, %v, want %v", events, err, ErrAddr)
	}
}

func TestAddressesOfEverybodyAreIgnored(t *testing.T) {
	odd := []string{"127.0.0.1", "127.9.9.9", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "ff02::1"}
	for _, every := range []bool{false, true} {
		r := NewRegistry(RegistryConfig{Every: every})
		r.SlaveUp(1)
		for _, s := range odd {
			a := netip.MustParseAddr(s)
			events := mustClaim(t, r, 1, a, Learned)
			wantOwner(t, r, a, map[bool]uint32{true: 1}[every], every)
			if (len(events) == 1) != every {
				t.Errorf("every %v: claim of %v gives %+v", every, a, events)
			}
			if err := r.Check(a, 1); errors.Is(err, unix.EINVAL) == every {
				t.Errorf("every %v: Check(%v) = %v", every, a, err)
			}
		}
	}
}

func TestHostAddressIsWorthAWarning(t *testing.T) {
	r := newTestRegistry(1)
	r.SetHost([]netip.Addr{regA})
	if err := r.Check(regA, 1); err != nil || !r.IsHost(regA) {
		t.Errorf("Check = %v, IsHost = %v, want no error and a warning", err, r.IsHost(regA))
	}
	wantEvents(t, "claim", mustClaim(t, r, 1, regA, Learned),
		Event{Addr: regA, Slave: 1, To: Active, Owner: 1, Host: true})
	if r.SetHost(nil); r.IsHost(regA) {
		t.Error("the host port still has an address that it lost")
	}
}

func TestHostsAreInTheirTable(t *testing.T) {
	r := newTestRegistry(1)
	a, b, c := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("10.0.0.2")
	for _, set := range [][]netip.Addr{{a, b}, {b, c}, {}} {
		r.SetHost(set)
		if got := r.Hosts().Len(); got != len(set) {
			t.Errorf("with %v: got %d addresses in the table, want %d", set, got, len(set))
		}
		for _, h := range set {
			if _, ok := tableLookup(r.Hosts(), h.WithZone("")); !ok {
				t.Errorf("with %v: %v is not in the table", set, h)
			}
		}
	}
}
