package offload_test

import (
	"encoding/binary"
	"testing"

	"ipvd/pmd"
)

// resum writes the checksums of a packet of this test's anew, after a change.
func resum(p packet, b []byte) {
	put := func(at, from, to int, acc uint32) {
		clear(b[at : at+2])
		for ; from < to; from += 2 {
			acc += uint32(b[from]) << 8
			if from+1 < to {
				acc += uint32(b[from+1])
			}
		}
		for acc > 0xffff {
			acc = acc>>16 + acc&0xffff
		}
		binary.BigEndian.PutUint16(b[at:], ^uint16(acc))
	}
	ip, length := 14+4*p.tags, uint32(len(b)-p.start())
	pseudo := p.start() - 32
	if !p.v6 {
		put(ip+10, ip, ip+20, 0)
		pseudo = p.start() - 8
	}
	proto := uint32(6)
	if p.udp {
		proto = 17
	}
	put(p.sum(), pseudo, len(b), length+proto)
}

// TestPacketsThatDifferAreNotMerged changes the second of two packets, and gives
// it right checksums again unless that is what is wrong.
func TestPacketsThatDifferAreNotMerged(t *testing.T) {
	type change = func(b []byte, h *pmd.VnetHdr) []byte
	at := func(offset int, v byte) change {
		return func(b []byte, _ *pmd.VnetHdr) []byte { b[offset] ^= v; return b }
	}
	tcp, udp := packet{flags: "A", id: 5}, packet{udp: true, id: 5}
	tcp6, udp6 := packet{v6: true, flags: "A"}, packet{v6: true, udp: true}
	const ip, l4, l4six = 14, 34, 54
	for _, c := range []struct {
		name   string
		p      packet
		way    int
		wrong  bool // the checksums stay as they are
		change change
	}{
		{"another destination MAC", tcp, summed, false, at(0, 2)},
		{"another tag", packet{udp: true, tags: 1}, summed, false, at(15, 1)},
		{"congestion experienced", udp, summed, false, at(ip+1, 3)},
		{"an identification left out", udp, summed, false, at(ip+5, 1)},
		{"another TTL", tcp, summed, false, at(ip+8, 1)},
		{"may be fragmented", tcp, summed, false, at(ip+6, 0x40)},
		{"another source", udp, summed, false, at(ip+15, 1)},
		{"another destination", udp, summed, false, at(ip+19, 1)},
		{"another traffic class", udp6, summed, false, at(ip+1, 0x10)},
		{"another flow label", tcp6, summed, false, at(ip+3, 1)},
		{"another hop limit", udp6, summed, false, at(ip+7, 1)},
		{"another IPv6 source", udp6, summed, false, at(ip+10, 1)},
		{"another source port", udp, summed, false, at(l4+1, 1)},
		{"another destination port", udp6, summed, false, at(l4six+3, 1)},
		{"a gap", tcp, summed, false, at(l4+7, 1)},
		{"an acknowledgement", tcp, summed, false, at(l4+11, 1)},
		{"another window", tcp, summed, false, at(l4+15, 1)},
		{"urgent data", tcp, summed, false, at(l4+13, 0x20)},
		{"an urgent pointer", tcp, summed, false, at(l4+19, 1)},
		{"no acknowledgement", tcp, summed, false, at(l4+13, 0x10)},
		{"FIN", tcp, summed, false, at(l4+13, 1)},
		{"SYN", tcp6, summed, false, at(l4six+13, 2)},
		{"RST", tcp, summed, false, at(l4+13, 4)},
		{"ECE", tcp, summed, false, at(l4+13, 0x40)},
		{"CWR", tcp, summed, false, at(l4+13, 0x80)},
		{"a reserved bit", tcp, summed, false, at(l4+12, 1)},
		{"another time stamp", tcp, summed, false, at(l4+25, 1)},
		{"a length of UDP that differs", udp, summed, false, at(l4+5, 1)},
		{"a length of IP beyond the frame", tcp, summed, false, at(ip+3, 0x80)},
		{"long padding", udp, summed, true, func(b []byte, _ *pmd.VnetHdr) []byte { return append(b, make([]byte, 47)...) }},
		{"wrong payload of TCP", tcp, summed, true, at(70, 1)},
		{"wrong payload of UDP", udp, summed, true, at(43, 1)},
		{"wrong payload over IPv6", tcp6, summed, true, at(100, 1)},
		{"wrong checksum", udp6, summed, true, at(l4six+6, 1)},
		{"wrong checksum of the IP header", udp, summed, true, at(ip+10, 1)},
		{"wrong checksum of the IP header, not finished", udp, partial, true, at(ip+10, 1)},
		{"wrong checksum of the IP header, verified", tcp, verified, true, at(ip+10, 1)},
		{"wrong sum of the pseudo header", tcp, partial, true, at(l4+16, 1)},
		{"no checksum", udp, summed, true, func(b []byte, _ *pmd.VnetHdr) []byte { clear(b[l4+6 : l4+8]); return b }},
		{"no checksum, verified", udp, verified, true, func(b []byte, _ *pmd.VnetHdr) []byte { clear(b[l4+6 : l4+8]); return b }},
		{"checksum begins elsewhere", udp, partial, true, func(b []byte, h *pmd.VnetHdr) []byte { h.CsumStart -= 2; h.CsumOffset += 2; return b }},
		{"checksum lies elsewhere", tcp, partial, true, func(b []byte, h *pmd.VnetHdr) []byte { h.CsumOffset = 4; return b }},
		{"padding, not finished", udp, partial, true, func(b []byte, _ *pmd.VnetHdr) []byte { return append(b, 0) }},
		{"stands for several itself", tcp, partial, true, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOType, h.GSOSize = pmd.VnetTCPv4, 10; return b }},
	} {
		b := newBurst(t)
		for _, changed := range []bool{false, true} {
			f := flowOf(c.p, 2, 100, 100)
			b.addPacket(f[0], c.way, 2048)
			frame, h := f[1].bytes(t), pmd.VnetHdr{}
			if c.way == partial {
				frame, h = f[1].unfinished(t, 0)
			} else if c.way == verified {
				h.Flags = pmd.VnetDataValid
			}
			want := 1
			if changed {
				if frame, want = c.change(frame, &h), 2; !c.wrong {
					resum(c.p, frame)
				}
			}
			b.add(frame, h, 2048)
			if got := b.frames(true); len(got) != want {
				t.Errorf("%s: changed %t: frames of packets %v, want %d", c.name, changed, got, want)
			}
			b.clear()
			// The first one's checksum counts as well.
			if changed && c.wrong {
				b.add(frame, h, 2048)
				g := flowOf(f[1], 2, 100, 100)
				b.addPacket(g[1], c.way, 2048)
				if got := b.frames(true); len(got) != 2 {
					t.Errorf("%s: at first: frames of packets %v, want 2", c.name, got)
				}
				b.clear()
			}
		}
	}
}

func TestUDPIsMergedOnlyWhereItMayBe(t *testing.T) {
	b := newBurst(t)
	b.addAll(flowOf(packet{udp: true}, 3, 100, 100))
	b.addAll(flowOf(packet{flags: "A"}, 3, 100, 100))
	if got := b.frames(false); len(got) != 4 {
		t.Errorf("frames of packets %v, want one of TCP and 3 of UDP", got)
	}
}

// TestIdentificationsOfWholePackets: all the same, as Linux sends them from a
// socket that is not connected, or counted up, and no mixture.
func TestIdentificationsOfWholePackets(t *testing.T) {
	for _, c := range []struct {
		ids  []uint16
		want int
	}{
		{[]uint16{0, 0, 0, 0}, 1}, {[]uint16{7, 8, 9, 10}, 1}, {[]uint16{0xffff, 0, 1}, 1},
		{[]uint16{7, 7, 8}, 2}, {[]uint16{7, 8, 8}, 2}, {[]uint16{7, 8, 7}, 2}, {[]uint16{7, 6}, 2},
	} {
		b := newBurst(t)
		for _, id := range c.ids {
			b.addAll([]packet{{udp: true, id: id, payload: noise(10)}})
		}
		if got := b.frames(true); len(got) != c.want {
			t.Errorf("identifications %v: frames of packets %v, want %d", c.ids, got, c.want)
		}
	}
}

// TestPaddingIsLeftOut: the shortest packets have some on a wire.
func TestPaddingIsLeftOut(t *testing.T) {
	b := newBurst(t)
	for _, p := range flowOf(packet{udp: true}, 3, 5, 5) {
		b.add(append(p.bytes(t), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), pmd.VnetHdr{}, 2048)
	}
	if got := b.frames(true); len(got) != 1 {
		t.Errorf("frames of packets %v, want one", got)
	}
}

func TestMergingAllocatesNothing(t *testing.T) {
	b := newBurst(t)
	b.addAll(flowOf(packet{flags: "A"}, 40, 1000, 1000))
	if n := testing.AllocsPerRun(100, func() { b.g.Gather(b.pkts, true); b.g.Header(b.pkts, 0) }); n != 0 {
		t.Errorf("%v allocations a burst", n)
	}
}

// BenchmarkMerge looks at bursts of 64 packets: of one flow, whose sums are left
// to be completed or must be taken, and of 64 flows.
func BenchmarkMerge(b *testing.B) {
	for _, c := range []struct {
		name       string
		way, flows int
		size       int
	}{{"partial", partial, 1, 16}, {"summed", summed, 1, 16}, {"summed-1448", summed, 1, 1000}, {"flows", partial, 64, 16}} {
		b.Run(c.name, func(b *testing.B) {
			u := newBurst(b)
			for i, p := range flowOf(packet{udp: true}, 64, c.size, c.size) {
				p.port = uint16(1000 + i%c.flows)
				u.addPacket(p, c.way, 2048)
			}
			for b.Loop() {
				for f := range u.g.Gather(u.pkts, true) {
					if n, _ := u.g.Packets(f); n > 1 {
						u.g.Header(u.pkts, f)
					}
				}
			}
		})
	}
}
