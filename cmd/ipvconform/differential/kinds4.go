package differential

import (
	"encoding/binary"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// packet4 is a frame with the IPv4 packet of header h.
func (d *draw) packet4(h frame.IPv4, proto uint8, payload []byte) []byte {
	h.Proto = proto
	if h.ID == 0 {
		h.ID = d.id()
	}
	if h.TTL == 0 {
		h.TTL = pick(d, []weighted[uint8]{{70, 64}, {8, 1}, {4, 2}, {8, 255}, {4, 254}, {6, 128}})
	}
	b := h.Packet(payload)
	if d.chance(15) { // another type of service, behind the constructor's back
		b[1] = one[byte](d, 0x10, 0xb8, 0x02, 0xff)
		mendSum4(b)
	}
	return d.ether(h.Dst, frame.TypeIPv4, b)
}

// mendSum4 makes the checksum of the IPv4 header in b right.
func mendSum4(b []byte) {
	if n := int(b[0]&0xf) * 4; n >= wire.IPv4Len && n <= len(b) {
		b[10], b[11] = 0, 0
		binary.BigEndian.PutUint16(b[10:], wire.Checksum(b[:n]))
	}
}

func (d *draw) header4() frame.IPv4 { return frame.IPv4{Src: d.src4(), Dst: d.dst4()} }

// port is a UDP or TCP port: that of the stations' sockets, a service's, or any.
func (d *draw) port() uint16 {
	return pick(d, []weighted[uint16]{{10, scenario.UDPPort}, {2, 53}, {1, 67}, {1, 68}, {1, 5353}, {1, 80}, {1, 0}, {4, uint16(1024 + d.r.IntN(60000))}})
}

func (d *draw) udp4() []byte {
	h := d.header4()
	return d.packet4(h, 17, frame.UDP(h.Src, h.Dst, d.port(), d.port(), d.body(d.size())))
}

func (d *draw) tcp4() []byte {
	h := d.header4()
	return d.packet4(h, 6, append(frame.SYN(h.Src, h.Dst, d.port(), d.port()), d.body(d.size())...))
}

func (d *draw) icmp4() []byte {
	h := d.header4()
	typ := one[uint8](d, 8, 8, 8, 0, 13, 11)
	return d.packet4(h, 1, frame.ICMP(typ, 0, append(binary.BigEndian.AppendUint16(nil, d.id()), append([]byte{0, 1}, d.body(d.size())...)...)))
}

// quote4 is an ICMP error about a datagram. Those that change a station's idea
// of a path are left out: stations would remember them.
func (d *draw) quote4() []byte {
	h := d.header4()
	lost := frame.IPv4{Src: h.Dst, Dst: h.Src, Proto: 17, ID: d.id()}.Packet(frame.UDP(h.Dst, h.Src, d.port(), d.port(), d.body(tagLen)))
	return d.packet4(h, 1, frame.ICMP(one[uint8](d, 3, 3, 11, 12), one[uint8](d, 0, 1, 3), append(make([]byte, 4), lost...)))
}

func (d *draw) proto4() []byte {
	return d.packet4(d.header4(), one[uint8](d, 253, 47, 132, 2), append([]byte{0, 0, 0, 0}, d.body(d.size())...))
}

func (d *draw) empty4() []byte { return d.packet4(d.header4(), one[uint8](d, 17, 1, 6, 253), nil) }

// options4 has IPv4 options (RFC 791, section 3.1).
func (d *draw) options4() []byte {
	h := d.header4()
	h.Options = one(d,
		[]byte{0x94, 4, 0, 0},                                      // router alert
		[]byte{7, 7, 4, 0, 0, 0, 0, 0},                             // record route
		[]byte{68, 8, 5, 0, 0, 0, 0, 0},                            // timestamp
		[]byte{131, 7, 4, 10, 0, 0, 254, 0},                        // loose source route
		[]byte{1, 1, 1, 0},                                         // no operation, end
		[]byte{0x86, 3, 1, 0},                                      // a wrong length
		append([]byte{1, 1, 1, 1}, make([]byte, 4*d.r.IntN(9))...)) // up to 40 bytes
	return d.packet4(h, 17, frame.UDP(h.Src, h.Dst, d.port(), d.port(), d.body(d.size())))
}

func (d *draw) fragment4() []byte {
	h := d.header4()
	h.Frag = one[uint16](d, 0x2000, 0x2000, 0x2005, 0x0005, 0x0005, 0x4000, 0x1fff, 0x6000, 0x8000)
	payload := d.body(tagLen + 8*d.r.IntN(20))
	if h.Frag&0x1fff == 0 {
		payload = frame.UDP(h.Src, h.Dst, d.port(), d.port(), payload)
	}
	return d.packet4(h, 17, payload)
}

// bad4 has a header that is wrong in one place.
func (d *draw) bad4() []byte {
	h := d.header4()
	change := func([]byte) {}
	switch d.r.IntN(7) {
	case 0:
		h.BadSum = true
	case 1:
		h.IHL = one[uint8](d, 1, 2, 3, 4)
	case 2:
		h.IHL = one[uint8](d, 6, 7, 10, 15)
	case 3:
		h.Total = one[uint16](d, 900, 1500, 0xffff)
	case 4:
		h.Total = uint16(1 + d.r.IntN(27))
	case 5:
		h.NoTTL = true
	case 6:
		change = func(b []byte) { b[14] = b[14]&0xf | one[byte](d, 0, 5, 6, 7, 15)<<4; mendSum4(b[14:]) }
	}
	b := d.packet4(h, 17, frame.UDP(h.Src, h.Dst, d.port(), d.port(), d.body(d.size())))
	change(b)
	return b
}

// dhcp4 is DISCOVER or OFFER (RFC 2131).
func (d *draw) dhcp4() []byte {
	bootp := append([]byte{1, 1, 6, 0}, d.body(tagLen)...)
	bootp = append(bootp, make([]byte, 236-len(bootp))...)
	bootp = append(bootp, 0x63, 0x82, 0x53, 0x63, 0x35, 1, 1, 0xff)
	src, dst, sport, dport := "0.0.0.0", "255.255.255.255", uint16(68), uint16(67)
	if d.chance(50) {
		bootp[0], src, sport, dport = 2, wire4, 67, 68
		dst = one(d, dst, unknown4, s0v4)
	}
	return d.packet4(frame.IPv4{Src: src, Dst: dst}, 17, frame.UDP(src, dst, sport, dport, bootp))
}
