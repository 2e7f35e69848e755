package ipvlan

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"ipvd/flows/wire"
)

// The addresses of the laboratory: the master and its slaves share macM.
var (
	macM      = wire.MAC{2, 0, 0, 0, 0, 1}
	macW      = wire.MAC{2, 0, 0, 0, 0, 0xee} // a station on the wire
	macX      = wire.MAC{2, 0, 0, 0, 0, 0x77} // nobody's
	macReturn = wire.MAC{2, 0, 0, 0, 0, 0x99}
	macAll    = wire.Broadcast()
	macNodes6 = wire.MAC{0x33, 0x33, 0, 0, 0, 1}
	macNodes4 = wire.MAC{1, 0, 0x5e, 0, 0, 1}
	macLLDP   = wire.MAC{1, 0x80, 0xc2, 0, 0, 0xe}
	macLACP   = wire.MAC{1, 0x80, 0xc2, 0, 0, 2}
	macSTP    = wire.MAC{1, 0x80, 0xc2, 0, 0, 0}
	macPause  = wire.MAC{1, 0x80, 0xc2, 0, 0, 1}
)

// ether is a frame; payload parts are joined.
func ether(dst, src wire.MAC, typ uint16, payload ...[]byte) []byte {
	b := append(dst[:], src[:]...)
	b = binary.BigEndian.AppendUint16(b, typ)
	return append(b, bytes.Join(payload, nil)...)
}

// tagged puts a tag of VLAN id into a frame.
func tagged(id uint16, frame []byte) []byte {
	b := append(make([]byte, wire.VLANLen), frame...)
	wire.InsertTag(b, id)
	return b
}

func addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// ip4 is an IPv4 packet with a UDP header and TTL 64; alter runs before the
// header checksum is made.
func ip4(src, dst string, alter ...func(b []byte)) []byte { return ip4Len(48, src, dst, alter...) }

func ip4Len(n int, src, dst string, alter ...func(b []byte)) []byte {
	b := make([]byte, n)
	b[0], b[8], b[9] = 0x45, 64, wire.ProtoUDP
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	copy(b[12:], addr(src))
	copy(b[16:], addr(dst))
	copy(b[20:], []byte{0x15, 0xb3, 0x1e, 0x61, 0, byte(n - 20), 0, 0})
	for _, f := range alter {
		f(b)
	}
	if h := int(b[0]&0xf) * 4; h >= 20 && h <= len(b) {
		binary.BigEndian.PutUint16(b[10:], wire.Checksum(b[:h]))
	}
	return b
}

func ttl(n byte) func([]byte) { return func(b []byte) { b[8] = n } }

// ip6 is an IPv6 packet with hop limit 64.
func ip6(src, dst string, next uint8, payload []byte) []byte {
	b := make([]byte, wire.IPv6Len, wire.IPv6Len+len(payload))
	b[0], b[6], b[7] = 0x60, next, 64
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	copy(b[8:], addr(src))
	copy(b[24:], addr(dst))
	return append(b, payload...)
}

func udp6(src, dst string) []byte { return ip6(src, dst, wire.ProtoUDP, make([]byte, 20)) }

// icmp6 is an ICMPv6 packet with a right checksum; body follows the checksum.
func icmp6(src, dst string, typ uint8, body ...[]byte) []byte {
	b := ip6(src, dst, wire.ProtoICMPv6, append([]byte{typ, 0, 0, 0}, bytes.Join(body, nil)...))
	b[7] = 255
	m := b[wire.IPv6Len:]
	sum := ^wire.Fold(wire.Sum(m, wire.PseudoSum6(b, wire.ProtoICMPv6, len(m))))
	wire.ICMP(m).SetSum(sum)
	return b
}

// ns is a neighbour solicitation, na an advertisement; mac goes into the option
// that names the sender.
func ns(src, dst, target string, mac wire.MAC) []byte {
	return icmp6(src, dst, wire.NDNeighborSolicit, make([]byte, 4), addr(target), []byte{1, 1}, mac[:])
}

func na(src, dst, target string, mac wire.MAC) []byte {
	return icmp6(src, dst, wire.NDNeighborAdvert, make([]byte, 4), addr(target), []byte{2, 1}, mac[:])
}

// dad is a solicitation of duplicate address detection.
func dad(target string) []byte {
	return icmp6("::", "ff02::1:ff00:0", wire.NDNeighborSolicit, make([]byte, 4), addr(target))
}

func arp(op uint16, sha wire.MAC, spa, tpa string) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, 0, byte(op)}
	b = append(append(b, sha[:]...), addr(spa)...)
	return append(append(b, make([]byte, 6)...), addr(tpa)...)
}

// turned is frame as it leaves l3s's turn through the host: dst and src
// changed, TTL or hop limit raised by one below 255.
func turned(frame []byte, dst, src wire.MAC) []byte {
	b := bytes.Clone(frame)
	wire.Ethernet(b).SetDst(dst)
	wire.Ethernet(b).SetSrc(src)
	switch p := b[wire.EthernetLen:]; {
	case p[0]>>4 == 4 && p[8] < 255:
		p[8]++
		p[10], p[11] = 0, 0
		binary.BigEndian.PutUint16(p[10:], wire.Checksum(p[:20]))
	case p[0]>>4 == 6 && p[7] < 255:
		p[7]++
	}
	return b
}
