package offload_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// flowOf gives n consecutive packets of size bytes, the last of tail.
func flowOf(p packet, n, size, tail int) []packet {
	all := make([]packet, n)
	for i := range all {
		q := p
		q.id, q.seq, q.payload = p.id+uint16(i), p.seq+uint32(i*size), noise(size)
		if i == n-1 {
			q.payload = noise(tail)
		}
		all[i] = q
	}
	return all
}

// Ways in which a checksum is known to be right.
const (
	summed = iota
	verified
	partial
	ways
)

func (b *burst) addPacket(p packet, way, room int) {
	b.t.Helper()
	switch f, h := p.bytes(b.t), (pmd.VnetHdr{}); way {
	case verified:
		b.add(f, pmd.VnetHdr{Flags: pmd.VnetDataValid}, room)
	case partial:
		f, h = p.unfinished(b.t, 0)
		b.add(f, h, room)
	default:
		b.add(f, h, room)
	}
}

func TestMergedPacketsAreCutIntoTheSameAgain(t *testing.T) {
	b := newBurst(t)
	for _, v6 := range []bool{false, true} {
		for _, udp := range []bool{false, true} {
			for tags := range 3 {
				for way := range ways {
					for _, c := range []struct{ n, size, tail, room int }{
						{2, 1448, 1448, 2048}, {5, 1000, 1, 2048}, {40, 1448, 700, 2048}, {64, 16, 16, 2048}, {9, 999, 998, 301}, {7, 1001, 3, 127},
					} {
						for _, p := range flowOf(packet{v6: v6, udp: udp, tags: tags, id: 0xfffe, seq: 0xfffff000, flags: "A"}, c.n, c.size, c.tail) {
							if len(b.pkts) == c.n-1 {
								p.flags = "AP"
							}
							b.addPacket(p, way, c.room)
						}
						if got := b.frames(true); len(got) != 1 || len(got[0]) != c.n {
							t.Errorf("v6=%t udp=%t tags=%d way=%d %v: frames of packets %v, want one", v6, udp, tags, way, c, got)
						}
						b.clear()
					}
				}
			}
		}
	}
}

func TestAFrameEndsWhereItMust(t *testing.T) {
	tcp, udp := packet{flags: "A"}, packet{udp: true}
	for _, c := range []struct {
		name string
		make func(b *burst)
		want []int // packets by frame
	}{
		{"64 datagrams", func(b *burst) { b.addAll(flowOf(udp, 130, 10, 10)) }, []int{64, 64, 2}},
		{"64 KB", func(b *burst) { b.addAll(flowOf(tcp, 50, 1448, 1448)) }, []int{45, 5}},
		{"a short packet", func(b *burst) { b.addAll(flowOf(udp, 3, 100, 99)); b.addAll(flowOf(udp, 2, 99, 99)) }, []int{3, 2}},
		{"a longer packet", func(b *burst) { b.addAll(flowOf(udp, 3, 100, 101)) }, []int{2, 1}},
		{"a push", func(b *burst) {
			f := flowOf(tcp, 4, 100, 100)
			f[1].flags = "AP"
			b.addAll(f)
		}, []int{2, 2}},
		{"a push at first", func(b *burst) {
			f := flowOf(tcp, 4, 100, 100)
			f[0].flags = "AP"
			b.addAll(f)
		}, []int{1, 3}},
		{"an acknowledgement between", func(b *burst) {
			f := flowOf(tcp, 4, 100, 100)
			b.addAll(f[:2])
			b.addAll([]packet{{flags: "A"}})
			b.addAll(f[2:])
		}, []int{2, 1, 2}},
		{"a fragment between", func(b *burst) {
			f := flowOf(udp, 4, 100, 100)
			b.addAll(f[:2])
			g := f[2].bytes(b.t)
			g[20] |= 0x20
			b.add(g, pmd.VnetHdr{}, 2048)
			b.addAll(f[2:])
		}, []int{2, 1, 2}},
		{"another flow between", func(b *burst) {
			f := flowOf(udp, 4, 100, 100)
			b.addAll(f[:2])
			b.addAll([]packet{{udp: true, port: 7, payload: noise(10)}})
			b.addAll(f[2:])
		}, []int{4, 1}},
		{"parts of mbufs", func(b *burst) {
			for _, p := range flowOf(tcp, 200, 66*7, 66*7) {
				b.addPacket(p, summed, 66)
			}
		}, []int{125, 75}},
	} {
		b := newBurst(t)
		c.make(b)
		var got []int
		for _, f := range b.frames(true) {
			got = append(got, len(f))
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: frames of %v packets, want %v", c.name, got, c.want)
		}
		b.clear()
	}
}

func (b *burst) addAll(packets []packet) {
	b.t.Helper()
	for _, p := range packets {
		b.addPacket(p, summed, 2048)
	}
}

// TestManyFlowsKeepTheirOrder: more flows than are waited for, packets of all
// ways, some that must not be merged, some with a wrong checksum.
func TestManyFlowsKeepTheirOrder(t *testing.T) {
	b, r := newBurst(t), rand.New(rand.NewPCG(1, 2))
	merged := 0
	for range 300 {
		next := map[int]uint32{}
		var flows []int
		for range 64 {
			flow := r.IntN(2) + r.IntN(10)*r.IntN(2)
			p := packet{port: uint16(1000 + flow), v6: flow%4 > 1, udp: flow%2 > 0, id: uint16(len(flows)), flags: "A",
				seq: next[flow], payload: noise(100)}
			switch r.IntN(20) {
			case 0:
				p.payload = noise(r.IntN(150))
			case 1:
				p.flags = "AF"
			case 2:
				p.flags = "AP"
			}
			p.id = uint16(next[flow] / 100)
			next[flow] += uint32(len(p.payload))
			flows = append(flows, flow)
			b.addPacket(p, r.IntN(ways), 130+r.IntN(200)*10)
			if last := b.pkts[len(b.pkts)-1]; r.IntN(20) == 0 && !last.Offload() && !last.Verified() {
				last.Data()[p.sum()+r.IntN(2)] ^= 0x11
			}
		}
		seen, after := map[int]bool{}, map[int]int{}
		for _, f := range b.frames(true) {
			for _, i := range f {
				if last, ok := after[flows[i]]; seen[i] || ok && last > i {
					t.Fatalf("packet %d of flow %d comes after %d, or twice: %v", i, flows[i], last, f)
				}
				seen[i], after[flows[i]] = true, i
			}
			merged += len(f) - 1
		}
		if len(seen) != len(flows) {
			t.Fatalf("%d packets of %d are in frames", len(seen), len(flows))
		}
		b.clear()
	}
	if merged < 3000 {
		t.Errorf("%d of 19200 packets were merged with others", merged)
	}
}

// FuzzMerge: what is merged is cut into the same packets again, whatever they
// are. Each begins with its length and where its checksum is to be completed.
func FuzzMerge(f *testing.F) {
	for _, p := range []packet{{flags: "A"}, {v6: true, flags: "A"}, {udp: true}, {v6: true, udp: true, tags: 1}} {
		for _, way := range []int{summed, partial} {
			var in []byte
			for _, q := range flowOf(p, 4, 50, 20) {
				frame, start, offset := q.bytes(f), 0, 0
				if way == partial {
					var h pmd.VnetHdr
					frame, h = q.unfinished(f, 0)
					start, offset = int(h.CsumStart), int(h.CsumOffset)
				}
				in = append(append(in, byte(len(frame)), byte(start), byte(offset)), frame...)
			}
			f.Add(in)
		}
	}
	b := newBurst(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		b.t = t
		defer b.clear()
		for len(in) > 3 && len(b.pkts) < 100 {
			h := pmd.VnetHdr{CsumStart: uint16(in[1]), CsumOffset: uint16(in[2])}
			if h.CsumStart != 0 {
				h.Flags = pmd.VnetNeedsCsum
			}
			n := min(int(in[0]), len(in)-3)
			m := mbuf(t, b.rt, in[3:3+n], h, 2048)
			in = in[3+n:]
			if h.Flags == 0 || offload.Accept(m) {
				b.pkts = append(b.pkts, m)
			} else {
				b.rt.Free(m)
			}
		}
		total := 0
		for _, f := range b.frames(true) {
			total += len(f)
		}
		if total != len(b.pkts) {
			t.Errorf("%d packets of %d are in frames", total, len(b.pkts))
		}
	})
}
