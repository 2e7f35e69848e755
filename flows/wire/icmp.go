package wire

import "encoding/binary"

// ICMPLen is the length of the part that all ICMP and ICMPv6 messages share
// with the four bytes that depend on the type, in bytes.
const ICMPLen = 8

// ICMP message types (RFC 792).
const (
	ICMPEchoReply    = 0
	ICMPUnreachable  = 3
	ICMPEcho         = 8
	ICMPTimeExceeded = 11
)

// ICMPv6 error types (RFC 4443).
const (
	ICMPv6Unreachable = 1
	ICMPv6TooBig      = 2
)

const (
	icmpType = 0
	icmpCode = 1
	icmpSum  = 2
)

// ICMP is an ICMP message; an ICMPv6 message has the same first bytes.
type ICMP []byte

// ParseICMP gives the message in b; false when it is shorter than ICMPLen.
func ParseICMP(b []byte) (ICMP, bool) {
	if len(b) < ICMPLen {
		return nil, false
	}
	return b, true
}

// Type is the message's type.
func (m ICMP) Type() uint8 { return m[icmpType] }

// Code is the message's code.
func (m ICMP) Code() uint8 { return m[icmpCode] }

// Sum is the message's checksum, in ICMPv6 with the pseudo header.
func (m ICMP) Sum() uint16 { return binary.BigEndian.Uint16(m[icmpSum:]) }

// SetSum writes the checksum.
func (m ICMP) SetSum(sum uint16) { binary.BigEndian.PutUint16(m[icmpSum:], sum) }
