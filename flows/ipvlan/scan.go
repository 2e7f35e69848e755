package ipvlan

import (
	"encoding/binary"
	"math"
	"math/bits"

	"ipvd/flows/wire"
	"ipvd/pmd"
)

// read4 reads plain IPv4 packets from place i on, which may be written, and gives the
// place of the first that is none, and whether one of them may be for a sibling. Plain
// are those that need no more than their next hop's MAC address: from the master's MAC
// address to a unicast one, untagged, without options or bytes behind them, with addresses
// that are a station's and the checksum right.
func (f *forwarder) read4(pkts []*pmd.Mbuf, i int) (end int, near bool) {
	const (
		noOptions  = 0x45
		headAndLen = 0xffff00ff // all but the TOS
	)
	lens, dsts, from := &f.sift.bytes, &f.routes.Dst, fromWord(f.mac)
	nets, good := f.table.v4.Load().nets, uint32(0)
	pkts = pkts[:min(len(pkts), sifted)]
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plainLen || !m.Whole() || !m.Own() {
			break
		}
		h, length := (*[plainLen]byte)(b), uint32(len(b))
		first, second, dst := binary.LittleEndian.Uint64(h[14:]), binary.LittleEndian.Uint64(h[22:]), binary.LittleEndian.Uint32(h[30:])
		if binary.LittleEndian.Uint64(h[6:]) != from || h[0]&1 != 0 ||
			uint32(first)&headAndLen != uint32(bits.ReverseBytes16(uint16(length-wire.EthernetLen)))<<16|noOptions ||
			!station(byte(dst)) || !sum4(first, second, dst) {
			break
		}
		if src := uint32(second >> 32); src != good { // mostly that of the packet before
			if !station(byte(src)) {
				break
			}
			good = src
		}
		a := bits.ReverseBytes32(dst)
		dsts[i], lens[i] = a, length
		if nets.has(a) {
			near = true
		}
	}
	return i, near && f.flag != VEPA
}

// sources reads of the packets from place i to end what Find4 may ask for.
func (f *forwarder) sources(pkts []*pmd.Mbuf, i, end int) {
	for ; i < end; i++ {
		p := wire.IPv4(pkts[i].Data()[wire.EthernetLen:])
		f.routes.Src[i%sifted], f.routes.TOS[i%sifted] = p.Src(), p.TOS()
	}
}

// siblingHop stands for the hop of a packet to a slave's address. No hop has that number.
const siblingHop = math.MaxUint32

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
			q.Hop[uint8(i)] = siblingHop
		}
	}
}

// station reports the first byte of an IPv4 address that a station may have: not
// of 0.0.0.0/8, 127.0.0.0/8, multicast or what is above.
func station(first byte) bool { return first-1 < 223 && first != 127 }

// sum4 reports that the checksum of an IPv4 header without options is right, whose
// words these are, not all zero. The sum is the same in either byte order (RFC 1071,
// section 2), and right if 65535 divides that of the words, which it does if multiplying by
// its inverse gives no more than the largest quotient.
func sum4(first, second uint64, third uint32) bool {
	s, carry := bits.Add64(first, second, 0)
	s, carry = bits.Add64(s, uint64(third), carry)
	s += carry
	const ones = math.MaxUint64 / math.MaxUint16
	return -(s * ones) <= ones
}

// routable4 is what read4 checks for a packet of any length, whose header was found right: a
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
