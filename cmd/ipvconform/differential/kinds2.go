package differential

import (
	"encoding/binary"
	"net"
	"net/netip"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/flows/wire"
)

// padded is an ARP packet with the tag in the padding behind it, or without
// any.
func (d *draw) padded(packet []byte) []byte {
	if d.chance(25) {
		return packet
	}
	return append(packet, d.body(18)...)
}

// sender is a MAC address in an ARP packet.
func (d *draw) sender() string {
	return pick(d, []weighted[string]{{8, macM}, {8, macW}, {1, macX}, {4, d.tagMAC()}, {1, macAll}})
}

func (d *draw) arp() []byte {
	op := pick(d, []weighted[uint16]{{10, wire.ARPRequest}, {8, wire.ARPReply}, {1, 0}, {1, 3}, {1, 8}, {1, 0xffff}})
	spa, tpa := d.src4(), d.dst4()
	tha := macNone
	if op != wire.ARPRequest {
		tha = one(d, macM, macW, d.tagMAC())
	}
	p := frame.ARP(op, d.sender(), spa, tha, tpa)
	if d.chance(10) { // hardware type, protocol, lengths: none is looked at
		p[one(d, 1, 2, 4, 5)] = one[byte](d, 0, 6, 8, 0xff)
	}
	ip := ""
	if op == wire.ARPRequest && d.chance(75) {
		ip = "255.255.255.255"
	}
	return d.ether(ip, frame.TypeARP, d.padded(p))
}

// announce is ARP of a station about itself, or a probe (RFC 5227).
func (d *draw) announce() []byte {
	own := d.src4()
	spa := one(d, own, own, "0.0.0.0")
	return d.ether("255.255.255.255", frame.TypeARP, d.padded(frame.ARP(one[uint16](d, 1, 1, 2), d.sender(), spa, macNone, own)))
}

func (d *draw) rarp() []byte {
	return d.ether("255.255.255.255", frame.TypeRARP, d.padded(frame.ARP(3, d.sender(), d.src4(), d.tagMAC(), d.dst4())))
}

// llc is a frame with a length in place of a type (IEEE 802.2), as STP has.
func (d *draw) llc() []byte {
	dst := one(d, macSTP, macSTP, macM, macW, macAll, frame.GroupMAC("239.9.9.9"))
	payload := append([]byte{0x42, 0x42, 3}, d.body(d.size()%200+tagLen)...)
	if d.chance(15) {
		payload[0], payload[1] = 0xff, 0xff
	}
	return frame.Ether(dst, d.srcMAC(dst), uint16(len(payload)), payload)
}

// slow is LACP, LLDP or 802.1X.
func (d *draw) slow() []byte {
	type proto struct {
		dst string
		typ uint16
	}
	p := one(d, proto{macLACP, 0x8809}, proto{macLLDP, 0x88cc}, proto{"01:80:c2:00:00:03", 0x888e})
	if d.chance(20) {
		p.dst = one(d, macM, macAll, macW)
	}
	return frame.Ether(p.dst, d.srcMAC(p.dst), p.typ, []byte{1, 1}, d.body(d.size()))
}

// pause is a frame of MAC control (IEEE 802.3, annex 31B).
func (d *draw) pause() []byte {
	dst := one(d, macPause, macPause, macAll, macM, macW, frame.GroupMAC("224.0.0.1"))
	return frame.Ether(dst, d.srcMAC(dst), 0x8808, []byte{0, 1, 0xff, 0xff}, d.body(42))
}

// strange is a frame of another ethertype.
func (d *draw) strange() []byte {
	return d.ether(one(d, "", "", "255.255.255.255", "239.9.9.9"), one[uint16](d, 0x88b5, 0x88b5, 0x8847, 0x8864, 0x9000, 0x88b6), d.body(d.size()))
}

// runt is an Ethernet header and little more. Its source address tells it
// apart.
func (d *draw) runt() []byte {
	dst := one(d, macM, macM, macW, macAll, macX)
	typ := one[uint16](d, frame.TypeIPv4, frame.TypeIPv6, frame.TypeARP, frame.TypeVLAN, frame.TypeQinQ, 0x8808, 0x88b5)
	return frame.Ether(dst, one(d, d.tagMAC(), d.tagMAC(), dst, macM), typ, d.body(d.r.IntN(6)))
}

func v6bytes(ip string) []byte {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return make([]byte, 16)
	}
	b := a.As16()
	return b[:]
}

func macBytes(s string) []byte {
	m, err := net.ParseMAC(s)
	if err != nil {
		return make([]byte, 6)
	}
	return m
}

// tagged puts one or two VLAN tags into a frame.
func (d *draw) tagged(b []byte) []byte {
	tci := func() uint16 {
		return one[uint16](d, 0, 0, 5, 5, 7, 0xfff, 1) | one[uint16](d, 0, 0, 5<<13, 1<<12)
	}
	protocol := one[uint16](d, frame.TypeVLAN, frame.TypeVLAN, frame.TypeVLAN, frame.TypeQinQ)
	b = frame.Tagged(b, protocol, tci())
	if d.chance(20) {
		b = frame.Tagged(b, one[uint16](d, frame.TypeVLAN, frame.TypeQinQ), tci())
	}
	return b
}

// lying changes a length field, of IPv4 with its checksum.
func (d *draw) lying(b []byte) []byte {
	e := wire.Ethernet(b)
	switch {
	case e.Type() == wire.TypeIPv4 && len(b) >= wire.EthernetLen+wire.IPv4Len:
		n := int(binary.BigEndian.Uint16(b[16:])) + one(d, -1, 1, -8, 8, 100, -d.r.IntN(60))
		binary.BigEndian.PutUint16(b[16:], uint16(n))
		mendSum4(b[wire.EthernetLen:])
	case e.Type() == wire.TypeIPv6 && len(b) >= wire.EthernetLen+wire.IPv6Len:
		n := int(binary.BigEndian.Uint16(b[18:])) + one(d, -1, 1, -8, 8, 100, -d.r.IntN(60))
		binary.BigEndian.PutUint16(b[18:], uint16(n))
	}
	return b
}

// mutated changes some bytes, but not the tag nor the type of the frame into one
// that nobody watches.
func (d *draw) mutated(b []byte) []byte {
	tag := tagAt(b)
	for range 1 + d.r.IntN(3) {
		i := d.r.IntN(min(len(b), 80))
		if i == 12 || i == 13 || tag >= 0 && i >= tag && i < tag+tagLen {
			continue
		}
		b[i] ^= one[byte](d, 1, 2, 4, 8, 16, 32, 64, 128, 0xff)
	}
	return b
}
