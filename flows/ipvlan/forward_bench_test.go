package ipvlan

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"ipvd/flows"
	"ipvd/flows/route"
	"ipvd/flows/wire"
)

// benchForward is egress of l3 with so many routes, and packets for them.
func benchForward(b *testing.B, routes int) (f *forwarder, bursts []flows.Burst) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c, bursts := benchClassify(b, func(int) []byte {
		f := ether(macW, macM, wire.TypeIPv4, ip4("10.0.0.11", "192.0.2.1"))
		binary.BigEndian.PutUint32(f[30:], 20<<24+rnd.Uint32()>>4)
		copy(f[24:], []byte{0, 0})
		binary.BigEndian.PutUint16(f[24:], wire.Checksum(f[14:34]))
		return f
	})
	m := &Master{MTU: 1500, Routing: NewRouting()}
	l, via := m.Routing.FIB.Load(), netip.MustParseAddr("10.0.0.254")
	l.Add(route.Route{Table: 254, Dst: netip.MustParsePrefix("0.0.0.0/0"), Spec: route.Spec{Via: via}})
	for i := 1; i < routes; i++ {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + rnd.IntN(16)), byte(rnd.IntN(256)), byte(rnd.IntN(256))}), 24)
		l.Add(route.Route{Table: 254, Dst: p, Spec: route.Spec{Via: via}})
	}
	m.Routing.FIB.Use(l, route.Policy{Rules4: []route.Rule{{Table: 255}, {Table: 254}, {Table: 253}}})
	m.Routing.FIB.Neighbours.Set(via, route.Usable, macW[:])
	return newForwarder(&egressL3{plane: c.plane}, m), bursts
}

func BenchmarkForward(b *testing.B) {
	for _, k := range []struct {
		name   string
		routes int
	}{{"1", 1}, {"1k", 1 << 10}, {"1M", 1 << 20}} {
		f, bursts := benchForward(b, k.routes)
		f.grouper = flows.NewGrouper(f.vec, int(toSlave)+16)
		b.Run(k.name+"/read", func(b *testing.B) {
			for i := range b.N {
				f.read4(f.vec.Packets(bursts[i%len(bursts)]), 0)
			}
			perPacket(b)
		})
		b.Run(k.name+"/find", func(b *testing.B) {
			for range b.N {
				f.fib.Find4(&f.routes, 0, 128)
			}
			perPacket(b)
		})
		b.Run(k.name+"/decide", func(b *testing.B) {
			for i := range b.N {
				f.decide(f.vec.Packets(bursts[i%len(bursts)]))
			}
			perPacket(b)
		})
	}
}
