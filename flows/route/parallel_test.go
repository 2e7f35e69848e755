package route

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLookupsWhileRoutesChange: readers always find the routes that are there
// throughout, whatever is added and removed beside, below and above them, and
// whatever the table becomes meanwhile.
func TestLookupsWhileRoutesChange(t *testing.T) {
	f := inUse()
	fixed := map[netip.Addr]netip.Addr{}
	for i, p := range []string{"10.0.0.0/8", "10.0.7.0/24", "10.0.7.64/26", "10.0.7.65/32", "10.1.0.0/16"} {
		pre := netip.MustParsePrefix(p)
		gw := netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)})
		f.Add(Route{Table: mainTable, Dst: pre, Spec: Spec{Via: gw}}, Replace)
		fixed[pre.Addr()] = gw
	}
	var stop atomic.Bool
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for !stop.Load() {
				for a, want := range fixed {
					if got := via(f, a); got != want {
						t.Errorf("%v goes via %v, want %v", a, got, want)
						return
					}
				}
			}
		})
	}
	churn(f, 3000)
	stop.Store(true)
	wait.Wait()
}

// churn adds and removes prefixes that cover none of the fixed addresses better.
func churn(f *FIB, n int) {
	rnd := rand.New(rand.NewPCG(8, 9))
	var there []Route
	for i := range n {
		if len(there) > 0 && rnd.IntN(3) == 0 {
			k := rnd.IntN(len(there))
			f.Remove(there[k])
			there = append(there[:k], there[k+1:]...)
			continue
		}
		if i%1000 == 999 { // short again
			for _, r := range there {
				f.Remove(r)
			}
			there = nil
		}
		a := netip.AddrFrom4([4]byte{10, 0, 7, 128 | byte(rnd.IntN(128))})
		r := Route{Table: mainTable, Dst: netip.PrefixFrom(a, 25+rnd.IntN(8)).Masked(),
			Priority: uint32(i), Spec: Spec{Via: netip.AddrFrom4([4]byte{192, 0, 2, byte(rnd.IntN(50))})}}
		f.Add(r, Replace)
		there = append(there, r)
	}
}
