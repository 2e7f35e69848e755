package wire

import "encoding/binary"

// Neighbour discovery message types (RFC 4861, section 4).
const (
	NDRouterSolicit   = 133
	NDRouterAdvert    = 134
	NDNeighborSolicit = 135
	NDNeighborAdvert  = 136
	NDRedirect        = 137
)

// Neighbour discovery options (RFC 4861, section 4.6).
const (
	NDOptSourceMAC = 1
	NDOptTargetMAC = 2
)

// NSLen is the length of a neighbour solicitation without options, in bytes.
const NSLen = 24

const ndTarget = 8

// ND is a neighbour discovery message from its ICMPv6 header on.
type ND []byte

// ParseND gives the message in b; false when it is none, or shorter than the
// fixed part of its type.
func ParseND(b []byte) (ND, bool) {
	if len(b) < ICMPLen {
		return nil, false
	}
	n := ndFixedLen(b[icmpType])
	return b, n != 0 && len(b) >= n
}

// ndFixedLen is the length of a message before its options; 0 for what is not
// neighbour discovery.
func ndFixedLen(t uint8) int {
	switch t {
	case NDRouterSolicit:
		return 8
	case NDRouterAdvert:
		return 16
	case NDNeighborSolicit, NDNeighborAdvert:
		return NSLen
	case NDRedirect:
		return 40
	}
	return 0
}

// Type is the message's type.
func (m ND) Type() uint8 { return m[icmpType] }

// Target is the target address of a neighbour solicitation, a neighbour
// advertisement or a redirect, as two numbers. Other messages have none.
func (m ND) Target() (hi, lo uint64) {
	return binary.BigEndian.Uint64(m[ndTarget:]), binary.BigEndian.Uint64(m[ndTarget+8:])
}

// Sum is the checksum.
func (m ND) Sum() uint16 { return ICMP(m).Sum() }

// SetSum writes the checksum.
func (m ND) SetSum(sum uint16) { ICMP(m).SetSum(sum) }

// Options gives the message's options to walk over.
func (m ND) Options() NDOptions { return NDOptions{m[ndFixedLen(m[icmpType]):]} }

// NDOptions walks over options. It ends at the first that does not fit, or that
// has length zero (RFC 4861, section 4.6).
type NDOptions struct{ rest []byte }

// Next gives the next option's type and all its bytes; false at the end.
func (o *NDOptions) Next() (t uint8, opt []byte, ok bool) {
	if len(o.rest) < 8 {
		return 0, nil, false
	}
	n := int(o.rest[1]) * 8
	if n == 0 || n > len(o.rest) {
		return 0, nil, false
	}
	opt, o.rest = o.rest[:n], o.rest[n:]
	return opt[0], opt, true
}

// NDOptionMAC gives the address in a source or target link-layer option, to
// read or to write. Every option that Next gives is long enough.
func NDOptionMAC(opt []byte) *MAC { return (*MAC)(opt[2:8]) }
