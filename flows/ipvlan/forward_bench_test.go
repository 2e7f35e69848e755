package ipvlan

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
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

// perCPU runs step b.N times, each on 128 packets, and reports CPU time: others may
// use the machine.
func perCPU(b *testing.B, step func(i int)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ResetTimer()
	start := cpuTime()
	for i := range b.N {
		step(i)
	}
	b.ReportMetric(float64(cpuTime()-start)/float64(b.N)/128, "cpu-ns/packet")
}

// BenchmarkForward reads packets, finds the hops of 65,536 destinations, and does all
// that is done with a burst up to its verdicts.
func BenchmarkForward(b *testing.B) {
	for _, k := range []struct {
		name   string
		routes int
	}{{"1", 1}, {"1k", 1 << 10}, {"1M", 1 << 20}} {
		f, bursts := benchForward(b, k.routes)
		f.grouper = flows.NewGrouper(f.vec, int(toSlave)+16)
		rnd, dsts := rand.New(rand.NewPCG(3, 4)), make([][128]uint32, 512)
		for i := range dsts {
			for j := range dsts[i] {
				dsts[i][j] = 20<<24 + rnd.Uint32()>>4
			}
		}
		b.Run(k.name+"/read", func(b *testing.B) {
			perCPU(b, func(i int) { f.read4(f.vec.Packets(bursts[i%len(bursts)]), 0) })
		})
		b.Run(k.name+"/find", func(b *testing.B) {
			perCPU(b, func(i int) {
				copy(f.routes.Dst[:], dsts[i%len(dsts)][:])
				f.fib.Find4(&f.routes, 0, 128, nil)
			})
		})
		b.Run(k.name+"/decide", func(b *testing.B) {
			perCPU(b, func(i int) { f.decide(f.vec.Packets(bursts[i%len(bursts)])) })
		})
	}
}
