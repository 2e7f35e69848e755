package profile

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"ipvd/flows/wire"
)

// Offsets of fields that package wire does not write, from their header on (RFC
// 791, RFC 8200, RFC 768, RFC 9293, RFC 826).
const (
	ip4Addrs = 12
	ip4Sum   = 10
	ip6Addrs = 8
	udpSum   = 6
	tcpSum   = 16
	arpSPA   = 14
	arpTPA   = 24
)

// template is a frame of one kind and size, without what each packet has of its
// own: addresses, source port, stamp and checksums.
type template struct {
	frame   []byte
	from    *addresses // shared by all templates of a family
	addr    int        // length of an address
	src     int        // where the source address stands
	dst     int
	fixed   bool   // the destination is always the same
	port    int    // where the source port stands; 0: nowhere
	ipSum   int    // where IPv4's checksum stands; 0: nowhere
	ip      uint64 // sum of the IPv4 header without addresses
	sum     int    // where the upper checksum stands; 0: nowhere
	upper   uint64 // sum of pseudo header and segment without addresses
	swapped bool   // the stamp lies at an odd offset in the segment
}

// fill writes a packet over b, which is as long as the template's frame.
func (t *template) fill(b []byte, port uint16, s Stamp) {
	copy(b, t.frame)
	putAddr(b[t.src:t.src+t.addr], t.from.src.Next())
	if !t.fixed {
		putAddr(b[t.dst:t.dst+t.addr], t.from.dst.Next())
	}
	stamp := b[len(b)-StampLen:]
	s.put(stamp)
	if t.sum == 0 {
		return
	}
	binary.BigEndian.PutUint16(b[t.port:], port)
	addrs := wire.Sum(b[t.src:t.dst+t.addr], 0)
	if t.ipSum != 0 {
		binary.BigEndian.PutUint16(b[t.ipSum:], ^wire.Fold(t.ip+addrs))
	}
	own := wire.Fold(wire.Sum(stamp, 0))
	if t.swapped {
		own = bits.ReverseBytes16(own)
	}
	sum := ^wire.Fold(t.upper + addrs + uint64(port) + uint64(own))
	if sum == 0 {
		sum = 0xffff // RFC 768: 0 would say that there is none; TCP takes both
	}
	binary.BigEndian.PutUint16(b[t.sum:], sum)
}

// putAddr writes a over b, which is as long.
func putAddr(b []byte, a netip.Addr) {
	if len(b) == 4 {
		v := a.As4()
		copy(b, v[:])
		return
	}
	v := a.As16()
	copy(b, v[:])
}

// newTemplate makes the frame of kind k with size bytes, FCS included.
func newTemplate(k kind, size int, c *Config) *template {
	t := &template{frame: make([]byte, size-FCSLen), addr: 4}
	eth := wire.Ethernet(t.frame)
	eth.SetSrc(c.SrcMAC)
	eth.SetDst(c.DstMAC)
	if k == arp || k == broadcast {
		eth.SetDst(wire.Broadcast())
	}
	switch {
	case k == arp:
		t.arp(eth, c)
	case k.ipv6():
		t.ipv6(eth, k)
		t.segment(k, wire.EthernetLen+wire.IPv6Len, c)
	default:
		t.ipv4(eth, k)
		t.segment(k, wire.EthernetLen+wire.IPv4Len, c)
	}
	return t
}

func (t *template) arp(eth wire.Ethernet, c *Config) {
	eth.SetType(wire.TypeARP)
	a := wire.ARP(eth.Payload())
	// Ethernet, IPv4, lengths 6 and 4, request.
	copy(a, []byte{0, 1, 8, 0, 6, 4, 0, wire.ARPRequest})
	a.SetSenderMAC(c.SrcMAC)
	t.src, t.dst = wire.EthernetLen+arpSPA, wire.EthernetLen+arpTPA
}

func (t *template) ipv4(eth wire.Ethernet, k kind) {
	eth.SetType(wire.TypeIPv4)
	ip := eth.Payload()
	ip[0], ip[8], ip[9] = 4<<4|wire.IPv4Len/4, 64, k.proto()
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	t.src, t.dst = wire.EthernetLen+ip4Addrs, wire.EthernetLen+ip4Addrs+4
	if k == broadcast {
		t.fixed = true
		copy(t.frame[t.dst:], []byte{255, 255, 255, 255})
	}
	t.ipSum = wire.EthernetLen + ip4Sum
	t.ip = wire.Sum(ip[:ip4Addrs], 0)
}

func (t *template) ipv6(eth wire.Ethernet, k kind) {
	eth.SetType(wire.TypeIPv6)
	ip := eth.Payload()
	ip[0], ip[6], ip[7] = 6<<4, k.proto(), 64
	binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-wire.IPv6Len))
	t.addr = 16
	t.src, t.dst = wire.EthernetLen+ip6Addrs, wire.EthernetLen+ip6Addrs+16
}

// segment writes the UDP or TCP header at offset at.
func (t *template) segment(k kind, at int, c *Config) {
	seg := t.frame[at:]
	binary.BigEndian.PutUint16(seg[2:], c.DstPort)
	t.sum = at + udpSum
	if k.tcp() {
		t.sum = at + tcpSum
		seg[12], seg[13] = wire.TCPLen/4<<4, wire.TCPAck
		binary.BigEndian.PutUint16(seg[14:], 0xffff) // window
	} else {
		binary.BigEndian.PutUint16(seg[4:], uint16(len(seg)))
	}
	t.port = at
	t.swapped = (len(seg)-StampLen)%2 != 0
	t.upper = wire.Sum(seg, uint64(k.proto())+uint64(len(seg)))
}

// proto is the protocol number of the kind's segment.
func (k kind) proto() uint8 {
	if k.tcp() {
		return wire.ProtoTCP
	}
	return wire.ProtoUDP
}
