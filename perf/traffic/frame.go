// Package traffic makes the packets of a benchmark: frames, address sets and
// capture files, the same for the same arguments.
package traffic

import (
	"encoding/binary"
	"net/netip"

	"ipvd/flows/wire"
)

// Frame lengths in bytes, without FCS: the shortest that Ethernet allows, and
// the shortest that bears UDP in IPv6.
const (
	Len4 = 60
	Len6 = 62
)

// Header is the addresses of a frame.
type Header struct {
	DstMAC, SrcMAC [6]byte
	Src, Dst       netip.Addr // of one family
}

// UDP is an empty UDP datagram in a frame of Len4 or Len6 bytes.
func (h Header) UDP() []byte {
	if h.Dst.Is4() {
		return h.udp4()
	}
	return h.udp6()
}

func (h Header) udp4() []byte {
	b := make([]byte, Len4)
	h.ethernet(b, wire.TypeIPv4)
	ip := b[wire.EthernetLen:]
	ip[0] = 4<<4 | wire.IPv4Len/4
	binary.BigEndian.PutUint16(ip[2:], Len4-wire.EthernetLen)
	ip[8], ip[9] = 64, wire.ProtoUDP
	copy(ip[12:], h.Src.AsSlice())
	copy(ip[16:], h.Dst.AsSlice())
	binary.BigEndian.PutUint16(ip[10:], wire.Checksum(ip[:wire.IPv4Len]))
	udp(ip[wire.IPv4Len:])
	return b
}

func (h Header) udp6() []byte {
	b := make([]byte, Len6)
	h.ethernet(b, wire.TypeIPv6)
	ip := b[wire.EthernetLen:]
	ip[0] = 6 << 4
	binary.BigEndian.PutUint16(ip[4:], Len6-wire.EthernetLen-wire.IPv6Len)
	ip[6], ip[7] = wire.ProtoUDP, 64
	copy(ip[8:], h.Src.AsSlice())
	copy(ip[24:], h.Dst.AsSlice())
	udp(ip[wire.IPv6Len:])
	return b
}

func (h Header) ethernet(b []byte, kind uint16) {
	e := wire.Ethernet(b)
	e.SetDst(h.DstMAC)
	e.SetSrc(h.SrcMAC)
	e.SetType(kind)
}

// udp writes a header without checksum.
func udp(b []byte) {
	binary.BigEndian.PutUint16(b, 1024)
	binary.BigEndian.PutUint16(b[2:], 9) // discard
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
}
