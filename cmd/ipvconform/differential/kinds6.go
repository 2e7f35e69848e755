package differential

import (
	"encoding/binary"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/flows/wire"
)

// packet6 is a frame with an IPv6 packet.
func (d *draw) packet6(src, dst string, next uint8, payload []byte) []byte {
	hops := pick(d, []weighted[uint8]{{70, 64}, {8, 1}, {4, 2}, {10, 255}, {4, 254}, {4, 0}})
	return d.hops6(src, dst, next, hops, payload)
}

func (d *draw) hops6(src, dst string, next, hops uint8, payload []byte) []byte {
	b := frame.IPv6(src, dst, next, hops, payload)
	if d.chance(50) || len(payload) < tagLen { // the flow label tells frames apart as well
		binary.BigEndian.PutUint32(b, 6<<28|d.number&0xfffff)
	}
	if d.chance(10) {
		b[0], b[1] = b[0]|one[byte](d, 0xb, 0x2, 0xf), b[1]|0x80
	}
	return d.ether(dst, frame.TypeIPv6, b)
}

func (d *draw) udp6() []byte {
	src, dst := d.src6(), d.dst6()
	return d.packet6(src, dst, 17, frame.UDP(src, dst, d.port(), d.port(), d.body(d.size())))
}

func (d *draw) tcp6() []byte {
	src, dst := d.src6(), d.dst6()
	return d.packet6(src, dst, 6, append(frame.SYN(src, dst, d.port(), d.port()), d.body(d.size())...))
}

func (d *draw) echo6() []byte {
	src, dst := d.src6(), d.dst6()
	return d.packet6(src, dst, 58, frame.ICMPv6(src, dst, one[uint8](d, 128, 128, 129, 1, 3, 4),
		binary.BigEndian.AppendUint16(nil, d.id()), []byte{0, 1}, d.body(d.size())))
}

func (d *draw) proto6() []byte {
	return d.packet6(d.src6(), d.dst6(), one[uint8](d, 253, 47, 132, 59), append([]byte{0, 0, 0, 0}, d.body(d.size())...))
}

func (d *draw) empty6() []byte { return d.packet6(d.src6(), d.dst6(), one[uint8](d, 17, 58, 59), nil) }

// chain6 has extension headers (RFC 8200, section 4).
func (d *draw) chain6() []byte {
	src, dst := d.src6(), d.dst6()
	next, payload := uint8(17), frame.UDP(src, dst, d.port(), d.port(), d.body(d.size()))
	if d.chance(40) { // what the classifier must not find behind an extension header
		next, payload = 58, frame.ICMPv6(src, dst, wire.NDNeighborSolicit, make([]byte, 4), v6bytes(s0v6), d.body(tagLen))
	}
	for range 1 + d.r.IntN(3) {
		var h []byte
		next, h = d.extension6(next)
		payload = append(h, payload...)
	}
	return d.packet6(src, dst, next, payload)
}

// extension6 is an extension header in front of protocol next.
func (d *draw) extension6(next uint8) (own uint8, header []byte) {
	switch d.r.IntN(5) {
	case 0:
		return 0, []byte{next, 0, 1, 4, 0, 0, 0, 0} // hop-by-hop, padding
	case 1:
		return 60, []byte{next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} // destination options
	case 2:
		return 43, append([]byte{next, 2, one[byte](d, 0, 2, 4), one[byte](d, 0, 1), 0, 0, 0, 0}, v6bytes(s1v6)...) // routing
	case 3:
		return 44, binary.BigEndian.AppendUint32([]byte{next, 0, 0, one[byte](d, 0, 1, 8, 9)}, d.number) // fragment
	}
	return 0, []byte{next, 0, 5, 2, 0, 0, 1, 0} // hop-by-hop, router alert
}

// bad6 has a header that is wrong in one place.
func (d *draw) bad6() []byte {
	b := d.udp6()
	switch d.r.IntN(4) {
	case 0:
		b[14] = b[14]&0xf | one[byte](d, 0, 4, 5, 7)<<4
	case 1:
		binary.BigEndian.PutUint16(b[18:], one[uint16](d, 900, 0xffff, 2000))
	case 2:
		binary.BigEndian.PutUint16(b[18:], uint16(d.r.IntN(8)))
	case 3:
		b[20] = one[byte](d, 0, 43, 44, 51, 58) // a protocol that does not follow
	}
	return b
}

// target is an address that neighbours ask for.
func (d *draw) target() string {
	return pick(d, []weighted[string]{{5, s0v6}, {5, s1v6}, {3, s0link6}, {2, s1link6}, {2, s2link6}, {4, host6}, {3, unknown6}, {2, wire6}, {1, joined6}})
}

// discovery is a message of neighbour discovery, whose hop limit is mostly the
// only right one (RFC 4861, section 7.1).
func (d *draw) discovery(src, dst string, typ uint8, parts ...[]byte) []byte {
	hops := uint8(255)
	if d.chance(10) {
		hops = 64
	}
	return d.hops6(src, dst, 58, hops, frame.ICMPv6(src, dst, typ, append(parts, d.tagOption())...))
}

// tagOption is an option of neighbour discovery that bears the tag: those of an
// unknown type are to be ignored.
func (d *draw) tagOption() []byte {
	if d.chance(30) {
		return nil
	}
	return append([]byte{253, 2, 0, 0, 0, 0, 0, 0}, d.body(tagLen)...)
}

// macOption names a MAC address, or is nothing.
func (d *draw) macOption(typ byte) []byte {
	if d.chance(25) {
		return nil
	}
	return append([]byte{typ, 1}, macBytes(one(d, macM, macW, macX, d.tagMAC()))...)
}

func (d *draw) ns() []byte {
	target := d.target()
	dst := pick(d, []weighted[string]{{10, frame.SolicitedNode(target)}, {4, target}, {1, host6}, {1, "ff02::1"}})
	return d.discovery(d.src6(), dst, wire.NDNeighborSolicit, make([]byte, 4), v6bytes(target), d.macOption(wire.NDOptSourceMAC))
}

// dad is duplicate address detection, and what comes close to it.
func (d *draw) dad() []byte {
	target := d.target()
	dst := pick(d, []weighted[string]{{10, frame.SolicitedNode(target)}, {3, target}, {1, s1v6}, {1, "ff02::1"}})
	return d.discovery("::", dst, one[uint8](d, 135, 135, 135, 135, 133, 136, 128), make([]byte, 4), v6bytes(target))
}

func (d *draw) na() []byte {
	target := d.target()
	dst := pick(d, []weighted[string]{{6, "ff02::1"}, {8, d.dst6()}, {2, frame.SolicitedNode(target)}})
	return d.discovery(d.src6(), dst, wire.NDNeighborAdvert, []byte{one[byte](d, 0x20, 0x60, 0xe0, 0), 0, 0, 0}, v6bytes(target),
		d.macOption(wire.NDOptTargetMAC))
}

func (d *draw) rs() []byte {
	return d.discovery(one(d, "::", d.own6(), d.src6()), one(d, "ff02::2", "ff02::2", d.dst6()), wire.NDRouterSolicit, make([]byte, 4),
		d.macOption(wire.NDOptSourceMAC))
}

func (d *draw) ra() []byte {
	return d.discovery(one(d, wireLink6, d.src6()), one(d, "ff02::1", "ff02::1", d.dst6()), wire.NDRouterAdvert,
		[]byte{0x40, 0, 7, 8}, make([]byte, 8), d.macOption(wire.NDOptSourceMAC))
}

// dhcp6 is SOLICIT (RFC 8415).
func (d *draw) dhcp6() []byte {
	src, dst := d.own6(), one(d, "ff02::1:2", "ff05::1:3", d.dst6())
	return d.packet6(src, dst, 17, frame.UDP(src, dst, 546, 547, append([]byte{1, 0, 0, 1}, d.body(tagLen+8)...)))
}
