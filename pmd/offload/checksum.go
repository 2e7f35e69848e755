package offload

import (
	"encoding/binary"
	"math/bits"

	"ipvd/pmd"
)

// sum adds b to the ones' complement sum acc, as little-endian words: the sum
// does not depend on the byte order, whose swap fold undoes (RFC 1071, section
// 2). Only the last part of a packet may have an odd length.
func sum(b []byte, acc uint64) uint64 {
	var c uint64
	for len(b) >= 32 {
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b), 0)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b[8:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b[16:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b[24:]), c)
		acc, c = bits.Add64(acc, 0, c)
		acc += c
		b = b[32:]
	}
	for len(b) >= 8 {
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b), 0)
		acc += c
		b = b[8:]
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(last[:]), 0)
		acc += c
	}
	return acc
}

// word is v, which is in network order in a packet, as sum takes it.
func word(v int) uint64 { return uint64(bits.ReverseBytes16(uint16(v))) }

// fold reduces a sum to the 16-bit one, in network order.
func fold(acc uint64) uint16 {
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	return bits.ReverseBytes16(uint16(acc))
}

// put writes the checksum of sum acc. Zero, which means none in UDP, is written
// as its other form, which is as good in all others
// (net/core/dev.c, skb_checksum_help).
func put(b []byte, acc uint64) {
	v := ^fold(acc)
	if v == 0 {
		v = 0xffff
	}
	binary.BigEndian.PutUint16(b, v)
}

// add is the ones' complement sum of a and b.
func add(a, b uint64) uint64 {
	s, c := bits.Add64(a, b, 0)
	return s + c
}

// running is the sum of parts of a packet, which may have any length.
type running struct {
	acc uint64
	odd bool // the bytes so far are odd in number
}

func (r *running) add(b []byte) {
	part := sum(b, 0)
	if r.odd { // its words lie across those of the packet
		part = bits.RotateLeft64(part, 8)
	}
	r.acc = add(r.acc, part)
	r.odd = r.odd != (len(b)%2 == 1)
}

// Complete finishes the checksum of a frame that Accept has let through and
// that is not to be segmented. The caller may write m.
func Complete(m *pmd.Mbuf) {
	h := m.Vnet()
	var r running
	for s, at := m, int(h.CsumStart); s != nil; s, at = s.Next(), 0 {
		r.add(s.Data()[at:])
	}
	put(m.Data()[int(h.CsumStart)+int(h.CsumOffset):], r.acc)
	m.ClearOffload()
}
