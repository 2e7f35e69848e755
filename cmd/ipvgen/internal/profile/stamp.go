package profile

import "encoding/binary"

// StampLen is the length of a stamp, in bytes. It fits a UDP datagram in an IPv4
// frame of 64 bytes exactly.
const StampLen = 18

const stampMagic = 0x6967 // ig

// Stamp is what a packet carries in its last bytes, so that a receiver finds it
// whatever headers come before.
type Stamp struct {
	Run  uint16 // tells the packets of one trial from those of another
	Seq  uint64 // counted from 0; 48 bits
	Sent int64  // pace.Clock when the packet was made, in nanoseconds
}

// put writes s over the StampLen bytes of b.
func (s Stamp) put(b []byte) {
	_ = b[StampLen-1]
	binary.BigEndian.PutUint64(b, stampMagic<<48|uint64(s.Run)<<32|s.Seq>>16&0xffffffff)
	binary.BigEndian.PutUint16(b[8:], uint16(s.Seq))
	binary.BigEndian.PutUint64(b[10:], uint64(s.Sent))
}

// ReadStamp reads the stamp at the end of a frame; false when there is none.
func ReadStamp(frame []byte) (s Stamp, ok bool) {
	if len(frame) < StampLen {
		return s, false
	}
	b := frame[len(frame)-StampLen:]
	word := binary.BigEndian.Uint64(b)
	if word>>48 != stampMagic {
		return s, false
	}
	s.Run = uint16(word >> 32)
	s.Seq = word&0xffffffff<<16 | uint64(binary.BigEndian.Uint16(b[8:]))
	s.Sent = int64(binary.BigEndian.Uint64(b[10:]))
	return s, true
}
