package route

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestABurstIsFoundAsItsPackets compares bursts with lookups of single packets, through
// three tables that are empty, short or long, with routes that refuse or say to look
// elsewhere, with and without what has no route taken as a neighbour.
func TestABurstIsFoundAsItsPackets(t *testing.T) {
	rules, seen := []Rule{{Table: 1}, {Table: 2}, {Table: 3}}, map[Kind]bool{}
	for _, lens := range [][3]int{{0, 0, 0}, {0, 1, 0}, {0, 300, 0}, {5, 0, 300}, {300, 5, 1}, {300, 300, 5}, {1, 300, 300}} {
		for _, onLink := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v routes, on link %v", lens, onLink), func(t *testing.T) {
				d := draw{rand.New(rand.NewPCG(3, uint64(lens[0]))), false}
				f := New(noIndex{})
				f.Use(f.Load(), Policy{Rules4: rules, OnLink: onLink})
				for k, n := range lens {
					for range n {
						f.Add(d.route(uint32(k+1)), Replace)
					}
				}
				for range 20 {
					d.compareBurst(t, f, seen)
				}
			})
		}
	}
	for _, k := range []Kind{Forward, Host, NoRoute, Blackhole, Prohibit} {
		if !seen[k] {
			t.Errorf("no packet's route was of kind %v", k)
		}
	}
}

// route is a route of a table, one of four by another kind than to a gateway.
func (d draw) route(table uint32) Route {
	r := Route{Table: table, Dst: d.prefix(), Spec: Spec{Via: d.gateway()}}
	if d.IntN(4) == 0 {
		r.Spec = Spec{Kind: []Kind{Throw, Blackhole, Prohibit, Host}[d.IntN(4)]}
	}
	return r
}

// compareBurst looks up packets from a place in the burst to another, the rest of which
// must stay as it is.
func (d draw) compareBurst(t *testing.T, f *FIB, seen map[Kind]bool) {
	t.Helper()
	const kept = 12345
	var b Burst4
	i := d.IntN(BurstLen)
	end := i + d.IntN(BurstLen-i+1)
	for at := range b.Dst {
		b.Dst[at], b.Hop[at] = number4(d.addr()), kept
	}
	f.Find4(&b, i, end, func(int, int) { t.Error("sources were asked for") })
	for at := range b.Dst {
		want := uint32(kept)
		if at >= i && at < end {
			want = f.v4.Load().find4(0, b.Dst[at], 0)
			seen[f.Hop(want).Kind] = true
		}
		if at >= i && at < end && b.Hop[at] == 0 {
			b.Hop[at] = f.Otherwise()
		}
		if b.Hop[at] != want {
			t.Fatalf("packet %d of %d to %d for %v: hop %d, want %d", at, i, end, addr4(b.Dst[at]), b.Hop[at], want)
		}
	}
}
