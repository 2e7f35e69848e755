package wire

import "encoding/binary"

// Sum adds the bytes of b, as 16-bit words in network order, to sum, the sum of
// what precedes them (RFC 1071). A last odd byte counts as a word's upper half,
// so only the last part of a packet may have an odd length.
func Sum(b []byte, sum uint64) uint64 {
	for len(b) >= 8 {
		w := binary.BigEndian.Uint64(b)
		sum += w>>32 + w&0xffffffff
		b = b[8:]
	}
	for len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

// Fold reduces a sum to the 16-bit ones' complement sum. A packet whose
// checksum is right, the checksum field included, folds to 0xffff.
func Fold(sum uint64) uint16 {
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return uint16(sum)
}

// Checksum is the Internet checksum of b: what the checksum field must hold
// when b has zeros there.
func Checksum(b []byte) uint16 { return ^Fold(Sum(b, 0)) }

// Update gives the checksum of a packet in which the 16-bit word old became
// now, from its checksum sum before that (RFC 1624, equation 3). A wrong
// checksum stays wrong.
func Update(sum, old, now uint16) uint16 {
	return ^Fold(uint64(^sum) + uint64(^old) + uint64(now))
}

// Adjust is Update for a change of several words: change is the ones' complement sum
// of those that came, less that of those that went.
func Adjust(sum, change uint16) uint16 {
	x := uint32(^sum) + uint32(change)
	return ^uint16(x + x>>16)
}

// UpdateMAC is Update for a MAC address that starts at an even offset of the
// packet.
func UpdateMAC(sum uint16, old, now MAC) uint16 {
	return ^Fold(uint64(^sum) + Sum(now[:], 0) + uint64(^Fold(Sum(old[:], 0))))
}

// PseudoSum4 is the sum of the pseudo header for n bytes of protocol proto in
// p (RFC 768, RFC 9293).
func PseudoSum4(p IPv4, proto uint8, n int) uint64 {
	return Sum(p[ipv4Src:ipv4Dst+4], 0) + uint64(proto) + uint64(n)
}

// PseudoSum6 is the sum of the pseudo header for n bytes of upper-layer
// protocol proto in p (RFC 8200, section 8.1).
func PseudoSum6(p IPv6, proto uint8, n int) uint64 {
	return Sum(p[ipv6Src:ipv6Dst+16], 0) + uint64(proto) + uint64(n)
}
