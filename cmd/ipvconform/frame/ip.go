package frame

import (
	"bytes"
	"encoding/binary"

	"ipvd/flows/wire"
)

// IPv4 is the header of an IPv4 packet. Zero fields are those of an ordinary
// packet.
type IPv4 struct {
	Src, Dst string
	Proto    uint8
	TTL      uint8  // 0: 64; see NoTTL
	NoTTL    bool   // TTL 0
	ID       uint16 // 0: 1
	Frag     uint16 // flags and offset
	Options  []byte // a multiple of 4
	IHL      uint8  // 0: the header's length
	Total    uint16 // 0: the packet's length
	BadSum   bool
}

// Packet is the header and its payload.
func (h IPv4) Packet(payload []byte) []byte {
	n := wire.IPv4Len + len(h.Options)
	b := make([]byte, n, n+len(payload))
	b[0] = 0x40 | or(h.IHL, uint8(n/4))
	binary.BigEndian.PutUint16(b[2:], or(h.Total, uint16(n+len(payload))))
	binary.BigEndian.PutUint16(b[4:], or(h.ID, 1))
	binary.BigEndian.PutUint16(b[6:], h.Frag)
	b[8], b[9] = or(h.TTL, 64), h.Proto
	if h.NoTTL {
		b[8] = 0
	}
	copy(b[12:], addr(h.Src))
	copy(b[16:], addr(h.Dst))
	copy(b[20:], h.Options)
	sum := wire.Checksum(b)
	if h.BadSum {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[10:], sum)
	return append(b, payload...)
}

func or[T uint8 | uint16](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// IPv6 is an IPv6 packet.
func IPv6(src, dst string, next, hops uint8, payload []byte) []byte {
	b := make([]byte, wire.IPv6Len)
	b[0], b[6], b[7] = 0x60, next, hops
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	copy(b[8:], addr(src))
	copy(b[24:], addr(dst))
	return append(b, payload...)
}

// UDP is a datagram with a right checksum.
func UDP(src, dst string, sport, dport uint16, data []byte) []byte {
	b := make([]byte, wire.UDPLen, wire.UDPLen+len(data))
	binary.BigEndian.PutUint16(b[0:], sport)
	binary.BigEndian.PutUint16(b[2:], dport)
	binary.BigEndian.PutUint16(b[4:], uint16(wire.UDPLen+len(data)))
	return seal(src, dst, wire.ProtoUDP, append(b, data...), 6)
}

// SYN is a TCP segment that opens a connection.
func SYN(src, dst string, sport, dport uint16) []byte {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b[0:], sport)
	binary.BigEndian.PutUint16(b[2:], dport)
	binary.BigEndian.PutUint32(b[4:], 1)
	b[12], b[13] = 0x50, 0x02
	binary.BigEndian.PutUint16(b[14:], 1000)
	return seal(src, dst, wire.ProtoTCP, b, 16)
}

// ICMP is an ICMP message.
func ICMP(typ, code uint8, rest []byte) []byte {
	b := append([]byte{typ, code, 0, 0}, rest...)
	binary.BigEndian.PutUint16(b[2:], wire.Checksum(b))
	return b
}

// ICMPv6 is an ICMPv6 message with a right checksum.
func ICMPv6(src, dst string, typ uint8, rest ...[]byte) []byte {
	return seal(src, dst, wire.ProtoICMPv6, append([]byte{typ, 0, 0, 0}, bytes.Join(rest, nil)...), 2)
}

// seal puts the checksum of segment b and its pseudo header at off (RFC 768;
// RFC 8200, section 8.1).
func seal(src, dst string, proto uint8, b []byte, off int) []byte {
	pseudo := append(addr(src), addr(dst)...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(b)))
	pseudo = append(pseudo, 0, 0, 0, proto)
	sum := ^wire.Fold(wire.Sum(b, wire.Sum(pseudo, 0)))
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[off:], sum)
	return b
}

// SolicitedNode is the group that an IPv6 address is asked for in (RFC 4291,
// section 2.7.1).
func SolicitedNode(target string) string {
	a := addr(target)
	return "ff02::1:ff" + hex2(a[13]) + ":" + hex2(a[14]) + hex2(a[15])
}

func hex2(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// Solicit is a neighbour solicitation in a packet; a mac goes into the option
// that names the sender.
func Solicit(src, dst, target, linkAddr string) []byte {
	var option []byte
	if linkAddr != "" {
		option = append([]byte{wire.NDOptSourceMAC, 1}, mac(linkAddr)...)
	}
	return IPv6(src, dst, wire.ProtoICMPv6, 255, ICMPv6(src, dst, wire.NDNeighborSolicit, make([]byte, 4), addr(target), option))
}

// Advertise is a neighbour advertisement in a packet.
func Advertise(src, dst, target, linkAddr string, flags byte) []byte {
	return IPv6(src, dst, wire.ProtoICMPv6, 255, ICMPv6(src, dst, wire.NDNeighborAdvert,
		[]byte{flags, 0, 0, 0}, addr(target), []byte{wire.NDOptTargetMAC, 1}, mac(linkAddr)))
}
