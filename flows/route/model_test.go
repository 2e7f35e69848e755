package route

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// noIndex is an Index that nobody looks into.
type noIndex struct{}

func (noIndex) Set(netip.Addr, uint32) error { return nil }
func (noIndex) Delete(netip.Addr) bool       { return true }

const mainTable = 254

// inUse makes a FIB whose only rule looks into the main table.
func inUse() *FIB {
	f := New(noIndex{})
	f.Use(f.Load(), Policy{Rules4: []Rule{{Table: mainTable}}, Rules6: []Rule{{Table: mainTable}}})
	return f
}

// model is the routes as a list.
type model map[netip.Prefix]netip.Addr

func (m model) find(a netip.Addr) netip.Addr {
	best, via := -1, netip.Addr{}
	for p, v := range m {
		if p.Contains(a) && p.Bits() > best {
			best, via = p.Bits(), v
		}
	}
	return via
}

// via is the gateway that f gives for a.
func via(f *FIB, a netip.Addr) netip.Addr {
	var h *Hop
	if a.Is4() {
		var b Burst4
		b.Dst[7] = number4(a)
		f.Find4(&b, 7, 8, func(i, _ int) { b.Src[i] = 0x0a00000b })
		if b.Hop[7] == 0 {
			b.Hop[7] = f.Otherwise()
		}
		if h = f.Lookup4(0x0a00000b, number4(a), 0); h != f.Hop(b.Hop[7]) {
			panic(fmt.Sprintf("%v: alone %v, in a burst %v", a, h, f.Hop(b.Hop[7])))
		}
	} else {
		n := number6(a)
		h = f.Lookup6(&Query{DstHi: n.hi, DstLo: n.lo})
	}
	if h.Via == nil {
		return netip.Addr{}
	}
	return h.Via.Addr()
}

// draw makes addresses and prefixes of few different places, so that prefixes lie
// in one another.
type draw struct {
	*rand.Rand
	v6 bool
}

func (d draw) addr() netip.Addr {
	if d.v6 {
		b := [16]byte{0x20, 0x01, 2: byte(d.IntN(2)), 7: byte(d.IntN(2)), 9: byte(d.IntN(256)), 15: byte(d.IntN(4))}
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom4([4]byte{byte(10 + d.IntN(2)), byte(d.IntN(2)), byte(d.IntN(256)), byte(d.IntN(256))})
}

func (d draw) prefix() netip.Prefix {
	a := d.addr()
	return netip.PrefixFrom(a, d.IntN(a.BitLen()+1)).Masked()
}

func (d draw) gateway() netip.Addr {
	if d.v6 {
		return netip.MustParseAddr(fmt.Sprintf("fe80::%x", 1+d.IntN(20)))
	}
	return netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", 1+d.IntN(20)))
}

// TestModel compares the tables, short and long, with a list of prefixes.
func TestModel(t *testing.T) {
	for _, c := range []struct {
		v6     bool
		routes int
	}{{false, 6}, {false, 12}, {false, 600}, {true, 6}, {true, 12}, {true, 300}} {
		t.Run(fmt.Sprintf("v6 %v, %d routes", c.v6, c.routes), func(t *testing.T) {
			d := draw{rand.New(rand.NewPCG(uint64(c.routes), 7)), c.v6}
			f, m := inUse(), model{}
			var list []netip.Prefix
			for step := range 4 * c.routes {
				if p := d.prefix(); len(list) > 0 && d.IntN(len(list)) > c.routes/2 || step > 3*c.routes && len(list) > 0 {
					p = list[d.IntN(len(list))]
					if !f.Remove(Route{Table: mainTable, Dst: p, Spec: Spec{Via: m[p]}}) {
						t.Fatalf("step %d: route to %v via %v is not there", step, p, m[p])
					}
					delete(m, p)
					list = slices.DeleteFunc(list, func(q netip.Prefix) bool { return p == q })
				} else {
					if _, ok := m[p]; !ok {
						list = append(list, p)
					}
					m[p] = d.gateway()
					f.Add(Route{Table: mainTable, Dst: p, Spec: Spec{Via: m[p]}}, Replace)
				}
				for range 4 {
					a := d.addr()
					if got, want := via(f, a), m.find(a); got != want {
						t.Fatalf("step %d, %d routes: %v goes via %v, want %v", step, len(m), a, got, want)
					}
				}
			}
			for _, p := range list {
				f.Remove(Route{Table: mainTable, Dst: p, Spec: Spec{Via: m[p]}})
			}
			if len(f.holding) != 0 || len(f.Neighbours.byAddr) != 0 {
				t.Errorf("without routes %d hops and %d neighbours are held", len(f.holding), len(f.Neighbours.byAddr))
			}
		})
	}
}

// TestLoad: tables that are filled beside those in use take their place whole.
func TestLoad(t *testing.T) {
	d := draw{rand.New(rand.NewPCG(3, 4)), false}
	f, m := inUse(), model{}
	f.Add(Route{Table: mainTable, Dst: netip.MustParsePrefix("0.0.0.0/0"), Spec: Spec{Via: d.gateway()}}, First)
	l := f.Load()
	for range 300 {
		p := d.prefix()
		if _, ok := m[p]; !ok {
			m[p] = d.gateway()
			l.Add(Route{Table: mainTable, Dst: p, Spec: Spec{Via: m[p]}})
		}
	}
	f.Use(l, Policy{Rules4: []Rule{{Table: mainTable}}})
	for range 2000 {
		a := d.addr()
		if got, want := via(f, a), m.find(a); got != want {
			t.Fatalf("%v goes via %v, want %v", a, got, want)
		}
	}
	if got := len(f.Routes()); got != len(m) {
		t.Errorf("%d routes are shown, want %d", got, len(m))
	}
}
