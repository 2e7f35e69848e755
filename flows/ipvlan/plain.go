package ipvlan

import (
	"encoding/binary"

	"ipvd/flows/wire"
)

// plainLen is the headers of a plain packet, in bytes: Ethernet, and IPv4
// without options.
const plainLen = wire.EthernetLen + wire.IPv4Len

// plain6Len is the headers of a plain IPv6 packet, in bytes.
const plain6Len = wire.EthernetLen + wire.IPv6Len

// macMask is the bytes of a word that are the destination address when the word
// is the first of a frame.
const macMask = 1<<48 - 1

// macAbove is the bits of such a word that are not. Shifting them out takes an instruction
// less than masking them.
const macAbove = 16

// macWord is m as the first word of a frame to m has it, under macMask.
func macWord(m wire.MAC) uint64 {
	return binary.LittleEndian.Uint64([]byte{m[0], m[1], m[2], m[3], m[4], m[5], 0, 0})
}

// plain4 tells packets of the kind that most are: IPv4 without options, untagged,
// to the MAC address whose macWord is mac>>macAbove. It makes the checks of wire.ParseIPv4 on a
// packet of length bytes, at least plainLen of them, a few words at a time.
func plain4(b *[plainLen]byte, length uint32, mac uint64) bool {
	const ipv4NoOptions = 0x45<<16 | (wire.TypeIPv4&0xff)<<8 | wire.TypeIPv4>>8
	kind := binary.LittleEndian.Uint32(b[12:]) & 0xffffff
	beyond := uint32(binary.BigEndian.Uint16(b[16:])) - wire.IPv4Len
	return kind == ipv4NoOptions && beyond <= length-plainLen && binary.LittleEndian.Uint64(b[:])<<macAbove == mac
}

// plain6 tells packets of the kind that most of IPv6 are: untagged, to the MAC
// address whose macWord is mac>>macAbove, from a source that is not the unspecified address.
func plain6(b *[plain6Len]byte, mac uint64) bool {
	const version6 = wire.TypeIPv6<<4 | 6
	return binary.BigEndian.Uint32(b[12:])>>12 == version6 && binary.LittleEndian.Uint64(b[22:]) != 0 &&
		binary.LittleEndian.Uint64(b[:])<<macAbove == mac
}

// fromWord is the source address and type of an IPv4 packet from m as one word. Such
// a packet bears a MAC address in one place only.
func fromWord(m wire.MAC) uint64 {
	const last = wire.TypeIPv4&0xff<<8 | wire.TypeIPv4>>8
	return macWord(m) | last<<48
}
