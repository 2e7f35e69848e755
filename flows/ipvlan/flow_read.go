package ipvlan

import (
	"encoding/binary"

	"ipvd/flows/wire"
	"ipvd/pmd"
)

// reading is what the flow stages read of a packet.
type reading struct {
	flowKey
	upper   int    // where the TCP or UDP header begins, in bytes from the frame's start
	length  int    // of the IP packet, in bytes
	payload uint32 // bytes behind the TCP or UDP header, 1 when there are none
	look    uint16 // TOS and TTL
	special bool   // the host must see it: SYN, FIN, RST, IPv4 options, a TTL that is used up, a slave's padding
}

// Places in a frame, in bytes.
const (
	atIP     = wire.EthernetLen
	atFrag4  = atIP + 6
	atSum4   = atIP + 10
	atAddrs4 = atIP + 12
	atAddrs6 = atIP + 8
	sumTCP   = 16 // in the TCP header
	sumUDP   = 6
)

// specialTCP are flags of packets that conntrack must see.
const specialTCP = wire.TCPFin | wire.TCPSyn | wire.TCPRst

// read reads a TCP or UDP packet that is no fragment and whose headers are in the
// first segment, without its ports' meaning: who sent it is in side. It is false
// for all others. A tag that was stripped makes it one of the others.
func (r *reading) read(m *pmd.Mbuf, side uint64) bool {
	b := m.Data()
	if len(b) < atIP+wire.IPv4Len+wire.UDPLen || m.VLANStripped() {
		return false
	}
	ok := false
	switch wire.Ethernet(b).Type() {
	case wire.TypeIPv4:
		ok = r.read4(b, m.Len(), side)
	case wire.TypeIPv6:
		ok = r.read6(b, m.Len(), side)
	}
	r.special = r.special || side != 0 && r.length != m.Len()-atIP
	return ok
}

func (r *reading) read4(b []byte, have int, side uint64) bool {
	p, ok := wire.ParseIPv4(b[atIP:], have-atIP)
	if !ok || binary.BigEndian.Uint16(b[atFrag4:])&0x3fff != 0 {
		return false
	}
	r.addrs = binary.BigEndian.Uint64(b[atAddrs4:])
	r.look = uint16(p.TOS())<<8 | uint16(p.TTL())
	r.length = p.TotalLen()
	r.special = p.TTL() <= 1 || p.HeaderLen() != wire.IPv4Len
	return r.readUpper(b, atIP+p.HeaderLen(), p.Proto(), side)
}

func (r *reading) read6(b []byte, have int, side uint64) bool {
	p, ok := wire.ParseIPv6(b[atIP:])
	if !ok || p.PayloadLen() > have-atIP-wire.IPv6Len {
		return false
	}
	for i := range r.six {
		r.six[i] = binary.BigEndian.Uint64(b[atAddrs6+8*i:])
	}
	r.addrs = 0
	r.look = binary.BigEndian.Uint16(b[atIP:])<<4&0xff00 | uint16(p.HopLimit())
	r.length = p.PayloadLen() + wire.IPv6Len
	r.special = p.HopLimit() <= 1
	return r.readUpper(b, atIP+wire.IPv6Len, p.Next(), side|version6)
}

// readUpper reads the header of protocol proto at at.
func (r *reading) readUpper(b []byte, at int, proto uint8, bits uint64) bool {
	header := wire.UDPLen
	switch {
	case proto == wire.ProtoTCP && len(b) >= at+wire.TCPLen:
		t := wire.TCP(b[at:])
		header = t.HeaderLen()
		r.special = r.special || t.Flags()&specialTCP != 0
	case proto == wire.ProtoUDP && len(b) >= at+wire.UDPLen:
	default:
		return false
	}
	behind := r.length - (at - atIP) - header
	if behind < 0 {
		return false
	}
	r.upper, r.payload = at, uint32(max(behind, 1))
	r.kind = uint64(binary.BigEndian.Uint32(b[at:]))<<32 | bits | uint64(proto)
	return true
}

// back turns the key of a packet that leaves into that of one that answers it.
func (k *flowKey) back(side uint64) {
	k.addrs = k.addrs>>32 | k.addrs<<32
	k.six[0], k.six[1], k.six[2], k.six[3] = k.six[2], k.six[3], k.six[0], k.six[1]
	ports := uint32(k.kind >> 32)
	k.kind = uint64(ports>>16|ports<<16)<<32 | k.kind&0xffffffff&^fromSlave | side
}

// mark tells a packet from others of its flow, by what no NAT changes, and neither
// segmenting nor merging: TCP's numbers, else how the data begins.
func (r *reading) mark(b []byte) uint64 {
	if r.kind&0xff == wire.ProtoTCP {
		t := wire.TCP(b[r.upper:])
		return uint64(t.Ack())<<32 | uint64(t.Seq())
	}
	h := uint64(0)
	if r.kind&version6 == 0 {
		h = uint64(wire.IPv4(b[atIP:]).ID()) << 48
	}
	if u := b[r.upper+wire.UDPLen:]; len(u) >= 8 {
		h ^= binary.BigEndian.Uint64(u)
	}
	return h
}

// before is how many bytes of payload lie in front of the packet with a mark, which
// this one may have been merged behind; false when it is not in this one.
func (r *reading) before(mark uint64, b []byte) (bytes uint32, ok bool) {
	own := r.mark(b)
	if own == mark || r.kind&0xff != wire.ProtoTCP {
		return 0, own == mark
	}
	bytes = uint32(mark) - uint32(own)
	return bytes, own>>32 == mark>>32 && bytes < r.payload
}
