package ipvlan

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"ipvd/flows"
	"ipvd/flows/wire"
)

// TestPacketsAreClassifiedInBurstsAsAlone compares the loops over a burst with the
// decision about one packet, by a table that fits the cache and by one that does not.
func TestPacketsAreClassifiedInBurstsAsAlone(t *testing.T) {
	const slaves, burst = 16, 64
	for _, addrs := range []int{100, 20_000} {
		l := newLab(t, L2, Bridge, slaves)
		for i := range addrs {
			for _, a := range bothAddrs(i) {
				if err := l.m.Table.Set(a, uint32(1+i%slaves)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if large := l.m.Table.v4.Load().large(); large != (addrs > 1000) || l.m.Table.v6.Load().large() != large {
			t.Fatalf("%d addresses are a large table: %v", addrs, large)
		}
		p := planeOf(l)
		c := &classify{plane: p, l2: true, counters: l.m.Counters.Classify.Worker(0)}
		rnd := rand.New(rand.NewPCG(uint64(addrs), 7))
		found := 0
		for range 50 {
			p.vec.Reset()
			for i := range burst {
				a := bothAddrs(rnd.IntN(addrs + addrs/8)) // some nobody has
				f := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", a[0].String()))
				if i/8%2 == 1 { // runs of one kind
					f = ether(macM, macW, wire.TypeIPv6, udp6("fd00::ee", a[1].String()))
				}
				m := l.rt.Pool().Get()
				m.SetLen(len(f))
				copy(m.Data(), f)
				if _, ok := p.vec.Append(m); !ok {
					t.Fatal("the vector is full")
				}
			}
			b := flows.Burst{Off: 0, N: burst}
			pkts := p.vec.Packets(b)
			c.decide(pkts)
			for i := range pkts {
				want := c.other(&pkts[i])
				if got := p.sift.verdicts[i]; got != want {
					t.Fatalf("%d addresses, packet %d: verdict %d, alone %d", addrs, i, got, want)
				}
				if want >= toSlave {
					found++
				}
			}
			for _, m := range pkts {
				l.rt.Free(m)
			}
		}
		if found < 50*burst/2 || found == 50*burst {
			t.Errorf("%d addresses: %d of %d packets were for slaves", addrs, found, 50*burst)
		}
	}
}

// bothAddrs are the i-th IPv4 and IPv6 addresses of the test.
func bothAddrs(i int) [2]netip.Addr {
	return [2]netip.Addr{netip.AddrFrom4([4]byte{10, 1 + byte(i>>16), byte(i >> 8), byte(i)}),
		netip.MustParseAddr(fmt.Sprintf("fd00::1:%x", i))}
}
