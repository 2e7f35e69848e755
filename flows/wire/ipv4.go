package wire

import "encoding/binary"

// IPv4Len is the length of an IPv4 header without options, in bytes.
const IPv4Len = 20

// IP protocol numbers.
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

const (
	ipv4VerIHL   = 0
	ipv4TOS      = 1
	ipv4TotalLen = 2
	ipv4ID       = 4
	ipv4Frag     = 6
	ipv4TTL      = 8
	ipv4Proto    = 9
	ipv4Sum      = 10
	ipv4Src      = 12
	ipv4Dst      = 16
)

// IPv4 is a packet from its IPv4 header on (RFC 791).
type IPv4 []byte

// ParseIPv4 gives the packet in b, of which have bytes exist (b itself may hold
// fewer when the packet has several segments). It is false unless the version
// is 4, the header has at least 20 bytes, the total length covers the header,
// and the packet is as long as it says: what ipvlan accepts (ipvlan_core.c,
// ipvlan_get_L3_hdr). Checksum and TTL are not looked at.
func ParseIPv4(b []byte, have int) (IPv4, bool) {
	if len(b) < IPv4Len || b[ipv4VerIHL]>>4 != 4 {
		return nil, false
	}
	header := int(b[ipv4VerIHL]&0xf) * 4
	total := int(binary.BigEndian.Uint16(b[ipv4TotalLen:]))
	return b, header >= IPv4Len && total >= header && have >= total
}

// HeaderLen is the header's length with options, in bytes.
func (p IPv4) HeaderLen() int { return int(p[ipv4VerIHL]&0xf) * 4 }

// TotalLen is the packet's length as it says, in bytes.
func (p IPv4) TotalLen() int { return int(binary.BigEndian.Uint16(p[ipv4TotalLen:])) }

// TOS is the type of service: DSCP and ECN.
func (p IPv4) TOS() uint8 { return p[ipv4TOS] }

// ID is the identification.
func (p IPv4) ID() uint16 { return binary.BigEndian.Uint16(p[ipv4ID:]) }

// DontFragment reports the DF flag.
func (p IPv4) DontFragment() bool { return p[ipv4Frag]&0x40 != 0 }

// Fragment reports that the packet is a part of a larger one.
func (p IPv4) Fragment() bool { return binary.BigEndian.Uint16(p[ipv4Frag:])&0x3fff != 0 }

// FragmentOffset is the fragment's place in the payload, in bytes.
func (p IPv4) FragmentOffset() int { return int(binary.BigEndian.Uint16(p[ipv4Frag:])&0x1fff) * 8 }

// TTL is the time to live.
func (p IPv4) TTL() uint8 { return p[ipv4TTL] }

// Proto is the protocol of the payload.
func (p IPv4) Proto() uint8 { return p[ipv4Proto] }

// Sum is the header checksum.
func (p IPv4) Sum() uint16 { return binary.BigEndian.Uint16(p[ipv4Sum:]) }

// Src is the source address as a number.
func (p IPv4) Src() uint32 { return binary.BigEndian.Uint32(p[ipv4Src:]) }

// Dst is the destination address as a number.
func (p IPv4) Dst() uint32 { return binary.BigEndian.Uint32(p[ipv4Dst:]) }

// Payload is what b holds of the bytes behind the header, without padding
// behind the packet; empty when the header reaches to the end or further.
func (p IPv4) Payload() []byte {
	from, to := p.HeaderLen(), min(p.TotalLen(), len(p))
	if from >= to {
		return nil
	}
	return p[from:to]
}

// SetTTL writes the time to live and adjusts the checksum (RFC 1624).
func (p IPv4) SetTTL(ttl uint8) {
	old := binary.BigEndian.Uint16(p[ipv4TTL:])
	p[ipv4TTL] = ttl
	now := binary.BigEndian.Uint16(p[ipv4TTL:])
	binary.BigEndian.PutUint16(p[ipv4Sum:], Update(p.Sum(), old, now))
}
