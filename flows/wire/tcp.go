package wire

import "encoding/binary"

// TCPLen is the length of a TCP header without options, in bytes.
const TCPLen = 20

// TCP flags (RFC 9293, section 3.1).
const (
	TCPFin = 1 << iota
	TCPSyn
	TCPRst
	TCPPsh
	TCPAck
)

const (
	tcpSeq   = 4
	tcpAck   = 8
	tcpOff   = 12
	tcpFlags = 13
	tcpSum   = 16
)

// TCP is a segment from its TCP header on (RFC 9293).
type TCP []byte

// ParseTCP gives the segment in b; false when it is shorter than its header
// says, or says less than 20 bytes.
func ParseTCP(b []byte) (TCP, bool) {
	if len(b) < TCPLen {
		return nil, false
	}
	n := int(b[tcpOff]>>4) * 4
	return b, n >= TCPLen && n <= len(b)
}

// SrcPort is the source port.
func (t TCP) SrcPort() uint16 { return binary.BigEndian.Uint16(t[0:]) }

// DstPort is the destination port.
func (t TCP) DstPort() uint16 { return binary.BigEndian.Uint16(t[2:]) }

// Seq is the sequence number.
func (t TCP) Seq() uint32 { return binary.BigEndian.Uint32(t[tcpSeq:]) }

// Ack is the acknowledgement number.
func (t TCP) Ack() uint32 { return binary.BigEndian.Uint32(t[tcpAck:]) }

// HeaderLen is the header's length with options, in bytes.
func (t TCP) HeaderLen() int { return int(t[tcpOff]>>4) * 4 }

// Flags are the control bits, TCPFin and so on.
func (t TCP) Flags() uint8 { return t[tcpFlags] }

// Sum is the checksum.
func (t TCP) Sum() uint16 { return binary.BigEndian.Uint16(t[tcpSum:]) }

// Payload is what b holds behind the header.
func (t TCP) Payload() []byte { return t[t.HeaderLen():] }
