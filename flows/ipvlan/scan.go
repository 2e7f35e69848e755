package ipvlan

import (
	"encoding/binary"

	"ipvd/flows/wire"
	"ipvd/pmd"
)

// read4 reads plain IPv4 packets from place i on, which may be written, and gives
// the place of the first that is none.
func (f *forwarder) read4(pkts []*pmd.Mbuf, i int) int {
	s, q := f.sift, &f.routes
	pkts = pkts[:min(len(pkts), sifted)]
	for ; uint(i) < uint(len(pkts)); i++ {
		m, at := pkts[i], uint8(i)
		b := m.Data()
		if len(b) < plainLen || !m.Whole() || !m.Ready() || m.Shared() || !sent4((*[plainLen]byte)(b), uint32(len(b))) {
			break
		}
		q.Src[at], q.Dst[at] = binary.BigEndian.Uint32(b[26:]), binary.BigEndian.Uint32(b[30:])
		q.TOS[at], s.bytes[at] = b[15], uint32(len(b))
	}
	return i
}

// markSiblings takes the hop from packets to slaves' addresses.
func (f *forwarder) markSiblings(i, end int) {
	t, q := f.table.v4.Load(), &f.routes
	home := t.home4()
	for ; i < end; i++ {
		a := q.Dst[uint8(i)]
		if home.pair(a).lacks(a) {
			continue
		}
		if _, ok := t.far4(t.hash4(a), a); ok {
			q.Hop[uint8(i)] = 0
		}
	}
}

// leave gives packets from place i on the MAC addresses of their next hops and the
// verdict toWire, and tallies them, up to end, or to the first whose hop is not in
// the memo or takes no packet so long. It gives that place.
func (f *forwarder) leave(pkts []*pmd.Mbuf, i, end int) int {
	s, q, known, stamp, own := f.sift, &f.routes, &f.memo.known, f.memo.stamp, f.macWord
	t, n := f.grouper.Tallier()
	for pkts = pkts[:min(end, sifted)]; uint(i) < uint(len(pkts)); i++ {
		at := uint8(i)
		number, bytes := q.Hop[at], s.bytes[at]
		k := &known[number%memos]
		if k.stamp != stamp|uint64(number) || bytes > k.longest {
			break
		}
		readdressTo(pkts[i].Data(), k.mac, own)
		s.verdicts[at] = toWire
		n = t.Add(n, toWire, bytes)
	}
	f.grouper.Tallied(n)
	return i
}

// sent4 tells IPv4 packets that need no more than their next hop's MAC address:
// untagged, to a unicast MAC address, without options or bytes behind them, with
// addresses that are a station's and the checksum right.
func sent4(b *[plainLen]byte, length uint32) bool {
	const ipv4NoOptions = 0x45<<16 | (wire.TypeIPv4&0xff)<<8 | wire.TypeIPv4>>8
	kind := binary.LittleEndian.Uint32(b[12:]) & 0xffffff
	return kind == ipv4NoOptions && b[0]&1 == 0 &&
		uint32(binary.BigEndian.Uint16(b[16:])) == length-wire.EthernetLen &&
		station(b[26]) && station(b[30]) && sum4(b)
}

// station reports the first byte of an IPv4 address that a station may have: not
// of 0.0.0.0/8, 127.0.0.0/8, multicast or what is above.
func station(first byte) bool { return first-1 < 223 && first != 127 }

// sum4 reports that the checksum of the IPv4 header is right. The sum of its words
// is the same in either byte order (RFC 1071, section 2).
func sum4(b *[plainLen]byte) bool {
	s := uint64(binary.LittleEndian.Uint32(b[14:])) + uint64(binary.LittleEndian.Uint32(b[18:])) +
		uint64(binary.LittleEndian.Uint32(b[22:])) + uint64(binary.LittleEndian.Uint32(b[26:])) +
		uint64(binary.LittleEndian.Uint32(b[30:]))
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return s>>16+s&0xffff == 0xffff
}

// routable4 is sent4 for a packet of any length, whose header was found right: a
// raw socket would change what it is false for.
func routable4(p wire.IPv4) bool {
	return p.HeaderLen() == wire.IPv4Len && station(byte(p.Src()>>24)) && station(byte(p.Dst()>>24)) &&
		wire.Fold(wire.Sum(p[:wire.IPv4Len], 0)) == 0xffff
}

// routable6 reports addresses that a station may have and the kernel routes by:
// no multicast, unspecified, loopback or IPv4-mapped ones (RFC 4291, section 2.4).
func routable6(p wire.IPv6) bool {
	station := func(hi, lo uint64) bool {
		return hi>>56 != 0xff && (hi != 0 || lo > 1 && lo>>32 != 0xffff)
	}
	return station(p.Src()) && station(p.Dst())
}

// cut takes off what is behind a packet of n bytes in the frame m; false when it
// cannot, or the packet is not all there.
func cut(m *pmd.Mbuf, n int) bool {
	n += wire.EthernetLen
	return m.Len() == n || m.Len() > n && !m.Offload() && !m.Shared() && m.SetLen(n)
}

// readdressTo writes the addresses of a frame: to the neighbour whose MAC address
// is in the lower 48 bits of to, from the one in those of from.
func readdressTo(frame []byte, to, from uint64) {
	_ = frame[wire.EthernetLen-1]
	binary.LittleEndian.PutUint64(frame, to|from<<48)
	binary.LittleEndian.PutUint32(frame[8:], uint32(from>>16))
}
