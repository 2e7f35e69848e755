package ipvlan

import (
	"encoding/binary"

	"ipvd/flows/wire"
	"ipvd/pmd"
)

// own is the words by which frames are told that bear the master's MAC address as theirs,
// and bear it nowhere else: ingress has nothing to do with them.
type own struct {
	mac          uint64 // macWord
	from4, from6 uint64 // source and type: six and two bytes, from the sixth on
	both         uint64 // destination, and two bytes of the source: the first eight bytes
	rest4, rest6 uint64 // of the eight that follow: the rest of the source, the type, with IPv4 the byte behind it
}

func newOwn(m wire.MAC) own {
	const type6 = wire.TypeIPv6&0xff<<8 | wire.TypeIPv6>>8
	mac, from4 := macWord(m), fromWord(m)
	from6 := mac | type6<<48
	return own{mac: mac, from4: from4, from6: from6, both: mac | mac<<48, rest4: (from4>>16 | 0x45<<48) << 8, rest6: from6 >> 16 << 16}
}

// carriesNo reports an IPv6 frame's next header that is none of neighbour discovery's, and
// hides none.
func carriesNo(next byte) bool { return next == wire.ProtoTCP || next == wire.ProtoUDP }

// leave gives frames from place i on that are for a station other than the master, alone,
// the verdict toWire, and the place of the first that is not, or that ingress must see.
func (s *sift) leave(pkts []*pmd.Mbuf, i int, o *own) int {
	const group = 1 // IEEE 802.3, 3.2.3: the first bit of an address
	pkts = pkts[:min(len(pkts), sifted)]
	verdicts, bytes, mac, from4, from6 := &s.verdicts, &s.bytes, o.mac<<macAbove, o.from4, o.from6
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plainLen || !m.Whole() || !m.Ready() || b[0]&group != 0 || binary.LittleEndian.Uint64(b)<<macAbove == mac {
			break
		}
		if from := binary.LittleEndian.Uint64(b[6:]); from != from4 && (from != from6 || !carriesNo(b[20])) {
			break
		}
		verdicts[i], bytes[i] = toWire, uint32(len(b))
	}
	return i
}

// readOwn4 is read4 for frames from the master's MAC address to itself.
func (s *sift) readOwn4(pkts []*pmd.Mbuf, i int, o *own) int {
	pkts = pkts[:min(len(pkts), sifted)]
	dst, bytes, both, rest := &s.dst4, &s.bytes, o.both, o.rest4
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plainLen || !m.Whole() || !m.Ready() || binary.LittleEndian.Uint64(b) != both || binary.LittleEndian.Uint64(b[8:])<<8 != rest ||
			uint32(binary.BigEndian.Uint16(b[16:]))-wire.IPv4Len > uint32(len(b))-plainLen {
			break
		}
		dst[i], bytes[i] = binary.BigEndian.Uint32(b[30:]), uint32(len(b))
	}
	return i
}

// readOwn6 is read6 for such frames.
func (s *sift) readOwn6(pkts []*pmd.Mbuf, i int, o *own) int {
	pkts = pkts[:min(len(pkts), sifted)]
	dst, bytes, both, rest := &s.dst6, &s.bytes, o.both, o.rest6
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plain6Len || !m.Whole() || !m.Ready() || binary.LittleEndian.Uint64(b) != both || binary.LittleEndian.Uint64(b[8:])<<16 != rest ||
			b[14]>>4 != 6 || !carriesNo(b[20]) || binary.LittleEndian.Uint64(b[22:]) == 0 {
			break
		}
		dst[i].hi, dst[i].lo = wire.IPv6(b[wire.EthernetLen:]).Dst()
		bytes[i] = uint32(len(b))
	}
	return i
}
