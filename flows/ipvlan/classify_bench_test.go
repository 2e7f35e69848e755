package ipvlan

import (
	"fmt"
	"net/netip"
	"testing"

	"ipvd/flows"
	"ipvd/flows/wire"
)

// benchClassify is a classifier for 16 slaves with 1024 addresses, and as many
// packets for them, in bursts of 128, of one kind.
func benchClassify(b *testing.B, frame func(i int) []byte) (c *classify, bursts []flows.Burst) {
	l := newLab(b, L2, Bridge, 16)
	p := planeOf(l)
	for i := range 1024 {
		v4 := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		v6 := netip.MustParseAddr(fmt.Sprintf("fd00::1:%x", i))
		for _, a := range []netip.Addr{v4, v6} {
			if err := l.m.Table.Set(a, uint32(1+i*7%16)); err != nil {
				b.Fatal(err)
			}
		}
	}
	p.vec.Reset()
	for i := range 512 {
		m := l.rt.Pool().Get()
		f := frame(i * 37 % 1024)
		m.SetLen(len(f))
		copy(m.Data(), f)
		if _, ok := p.vec.Append(m); !ok {
			b.Fatal("vector is full")
		}
		b.Cleanup(func() { l.rt.Free(m) })
	}
	for off := uint32(0); off < 512; off += 128 {
		bursts = append(bursts, flows.Burst{Off: off, N: 128})
	}
	c = &classify{plane: p, counters: l.m.Counters.Classify.Worker(0)}
	c.l2 = true
	return c, bursts
}

func v4For(i int) []byte {
	return ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", fmt.Sprintf("10.1.%d.%d", i>>8, i&255)))
}

func v6For(i int) []byte {
	return ether(macM, macW, wire.TypeIPv6, udp6("fd00::ee", fmt.Sprintf("fd00::1:%x", i)))
}

func BenchmarkClassify(b *testing.B) {
	for _, k := range []struct {
		name  string
		frame func(i int) []byte
	}{{"v4", v4For}, {"v6", v6For}} {
		c, bursts := benchClassify(b, k.frame)
		c.grouper = flows.NewGrouper(c.vec, int(toSlave)+16) // which queues nothing
		b.Run(k.name+"/decide", func(b *testing.B) {
			for i := range b.N {
				c.decide(c.vec.Packets(bursts[i%len(bursts)]))
			}
			perPacket(b)
		})
		b.Run(k.name+"/group", func(b *testing.B) {
			var n uint32
			for i := range b.N {
				burst := bursts[i%len(bursts)]
				groups, _ := c.sort(burst, c.decide(c.vec.Packets(burst)))
				for _, g := range groups {
					n += g.Burst.N
				}
				c.vec.N = 512
			}
			if want := uint32(b.N) * 128; n != want {
				b.Fatalf("grouped %d packets, want %d", n, want)
			}
			perPacket(b)
		})
	}
}

// verdicts is egress l2 up to its verdicts.
type verdicts struct{ egressL2 }

func (e *verdicts) push(_ int, _ *ingress, b flows.Burst) (bytes uint64) {
	e.decide(e.vec.Packets(b), 0)
	return 0
}

func BenchmarkIngressAndEgressL2(b *testing.B) {
	c, bursts := benchClassify(b, func(i int) []byte {
		return ether(macM, macM, wire.TypeIPv4, ip4("10.0.0.11", fmt.Sprintf("10.1.%d.%d", i>>8, i&255)))
	})
	in := &ingress{plane: c.plane, next: &verdicts{egressL2{plane: c.plane, words: newOwn(macM), own: true, siblings: true}}}
	for i := range b.N {
		in.Push(bursts[i%len(bursts)])
	}
	perPacket(b)
}

func perPacket(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/packet")
}
