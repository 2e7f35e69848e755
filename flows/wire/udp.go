package wire

import "encoding/binary"

// UDPLen is the length of a UDP header, in bytes.
const UDPLen = 8

// UDP is a datagram from its UDP header on (RFC 768).
type UDP []byte

// ParseUDP gives the datagram in b; false when it is shorter than a header.
func ParseUDP(b []byte) (UDP, bool) {
	if len(b) < UDPLen {
		return nil, false
	}
	return b, true
}

// SrcPort is the source port.
func (u UDP) SrcPort() uint16 { return binary.BigEndian.Uint16(u[0:]) }

// DstPort is the destination port.
func (u UDP) DstPort() uint16 { return binary.BigEndian.Uint16(u[2:]) }

// Len is the datagram's length as it says, header included, in bytes.
func (u UDP) Len() int { return int(binary.BigEndian.Uint16(u[4:])) }

// Sum is the checksum; 0 over IPv4 means that the sender made none.
func (u UDP) Sum() uint16 { return binary.BigEndian.Uint16(u[6:]) }

// Payload is what b holds behind the header.
func (u UDP) Payload() []byte { return u[UDPLen:max(UDPLen, min(u.Len(), len(u)))] }
