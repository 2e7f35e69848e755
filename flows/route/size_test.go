package route

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// checkSize compares a FIB's size with its list of routes.
func checkSize(t *testing.T, f *FIB, when string) {
	t.Helper()
	var want Size
	for _, r := range f.Routes() {
		if r.Dst.Addr().Is6() {
			want.Routes6++
		} else {
			want.Routes4++
		}
	}
	if got := f.Size(); got.Routes4 != want.Routes4 || got.Routes6 != want.Routes6 {
		t.Fatalf("%s: got %d and %d routes, want %d and %d", when, got.Routes4, got.Routes6, want.Routes4, want.Routes6)
	}
}

func TestSizeFollowsTheRoutes(t *testing.T) {
	f := inUse()
	checkSize(t, f, "without routes")
	for _, v6 := range []bool{false, true} {
		d := draw{rand.New(rand.NewPCG(1, 2)), v6}
		var all []Route
		for i := range 2000 {
			if len(all) > 0 && d.IntN(3) == 0 {
				k := d.IntN(len(all))
				f.Remove(all[k])
				all = append(all[:k], all[k+1:]...)
			} else {
				r := Route{Table: mainTable, Dst: d.prefix(), Priority: uint32(d.IntN(3)), Elsewhere: d.IntN(4) == 0, Spec: Spec{Via: d.gateway()}}
				f.Add(r, []How{Replace, Last}[d.IntN(2)])
				all = append(all, r)
			}
			if i%100 == 0 {
				checkSize(t, f, "after a change")
			}
		}
		checkSize(t, f, "after all changes")
	}
	if s := f.Size(); s.Routes4 == 0 || s.Routes6 == 0 || s.NextHops == 0 || s.Neighbours[Unknown] == 0 {
		t.Errorf("nothing is counted: %+v", s)
	}
	l := f.Load()
	l.Add(Route{Table: mainTable, Dst: netip.MustParsePrefix("10.0.0.0/8"), Spec: Spec{Via: netip.MustParseAddr("10.0.0.1")}})
	f.Use(l, Policy{})
	checkSize(t, f, "after all were read again")
	if s := f.Size(); s.Routes4 != 1 || s.Routes6 != 0 || s.NextHops != 1 || s.Neighbours[Unknown] != 1 {
		t.Errorf("after all were read again: %+v", s)
	}
}

func TestSizeTellsNeighboursByState(t *testing.T) {
	f := inUse()
	f.Neighbours.Set(netip.MustParseAddr("10.0.0.1"), Usable, []byte{2, 0, 0, 0, 0, 1})
	f.Neighbours.Set(netip.MustParseAddr("10.0.0.2"), Failed, nil)
	f.Neighbours.Set(netip.MustParseAddr("fd00::2"), Failed, nil)
	if got := f.Size().Neighbours; got[Usable] != 1 || got[Failed] != 2 || got[Unknown] != 0 {
		t.Errorf("got %v", got)
	}
}
