package wire

import "encoding/binary"

// IPv6Len is the length of the fixed IPv6 header, in bytes.
const IPv6Len = 40

const (
	ipv6Ver        = 0
	ipv6PayloadLen = 4
	ipv6Next       = 6
	ipv6HopLimit   = 7
	ipv6Src        = 8
	ipv6Dst        = 24
)

// Extension headers that Upper walks over (RFC 8200, section 4).
const (
	extHopByHop = 0
	extRouting  = 43
	extFragment = 44
	extAuth     = 51
	extDstOpts  = 60
)

// maxExt bounds the extension headers that Upper walks over.
const maxExt = 8

// IPv6 is a packet from its IPv6 header on (RFC 8200).
type IPv6 []byte

// ParseIPv6 gives the packet in b; false unless a whole header of version 6 is
// there. The payload length is not looked at (ipvlan_core.c,
// ipvlan_get_L3_hdr).
func ParseIPv6(b []byte) (IPv6, bool) {
	if len(b) < IPv6Len || b[ipv6Ver]>>4 != 6 {
		return nil, false
	}
	return b, true
}

// TrafficClass is DSCP and ECN.
func (p IPv6) TrafficClass() uint8 { return p[0]<<4 | p[1]>>4 }

// FlowLabel is the flow label (RFC 6437).
func (p IPv6) FlowLabel() uint32 { return binary.BigEndian.Uint32(p) & 0xfffff }

// PayloadLen is the length behind the header as the packet says, in bytes.
func (p IPv6) PayloadLen() int { return int(binary.BigEndian.Uint16(p[ipv6PayloadLen:])) }

// Next is the protocol of the first header behind this one.
func (p IPv6) Next() uint8 { return p[ipv6Next] }

// HopLimit is the hop limit.
func (p IPv6) HopLimit() uint8 { return p[ipv6HopLimit] }

// SetHopLimit writes the hop limit, which no checksum covers.
func (p IPv6) SetHopLimit(n uint8) { p[ipv6HopLimit] = n }

// Src is the source address as two numbers.
func (p IPv6) Src() (hi, lo uint64) {
	return binary.BigEndian.Uint64(p[ipv6Src:]), binary.BigEndian.Uint64(p[ipv6Src+8:])
}

// Dst is the destination address as two numbers.
func (p IPv6) Dst() (hi, lo uint64) {
	return binary.BigEndian.Uint64(p[ipv6Dst:]), binary.BigEndian.Uint64(p[ipv6Dst+8:])
}

// Payload is what b holds of the bytes behind the fixed header, without padding
// behind the packet.
func (p IPv6) Payload() []byte { return p[IPv6Len:min(IPv6Len+p.PayloadLen(), len(p))] }

// Upper walks over the extension headers and gives the upper-layer protocol and
// its bytes. It is false when the bytes end before it, when it lies in a
// fragment, and after more extension headers than any sender has reason for.
func (p IPv6) Upper() (proto uint8, b []byte, ok bool) {
	proto, b = p.Next(), p.Payload()
	for range maxExt {
		var n int
		switch proto {
		case extHopByHop, extRouting, extDstOpts:
			if len(b) < 8 {
				return 0, nil, false
			}
			n = int(b[1])*8 + 8
		case extAuth: // RFC 4302, section 2.2: in words, less two
			if len(b) < 8 {
				return 0, nil, false
			}
			n = int(b[1])*4 + 8
		case extFragment:
			return 0, nil, false
		default:
			return proto, b, true
		}
		if n > len(b) {
			return 0, nil, false
		}
		proto, b = b[0], b[n:]
	}
	return 0, nil, false
}
