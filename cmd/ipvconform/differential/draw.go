package differential

import (
	"encoding/binary"
	"math/rand/v2"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// weighted is a choice and how often it is made, against the others.
type weighted[T any] struct {
	weight int
	of     T
}

// draw makes the choices of one frame.
type draw struct {
	r      *rand.Rand
	at     string
	number uint32 // of the frame: its tag
}

// pick makes a choice.
func pick[T any](d *draw, choices []weighted[T]) T {
	sum := 0
	for _, c := range choices {
		sum += c.weight
	}
	n := d.r.IntN(sum)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			return c.of
		}
	}
	return choices[0].of
}

// one makes a choice among equals.
func one[T any](d *draw, all ...T) T { return all[d.r.IntN(len(all))] }

// chance is true in so many of a hundred cases.
func (d *draw) chance(percent int) bool { return d.r.IntN(100) < percent }

// mark begins the tag of a frame, whose number follows.
const mark = "\xd1\xf7ip"

// tagLen is the length of a whole tag, in bytes.
const tagLen = len(mark) + 4

// body is a payload of n bytes with the tag, or the end of its number where n
// is short.
func (d *draw) body(n int) []byte {
	tag := binary.BigEndian.AppendUint32([]byte(mark), d.number)
	if n < tagLen {
		return tag[tagLen-max(0, n):]
	}
	b := make([]byte, n)
	fill := byte(d.r.IntN(256))
	for i := range b {
		b[i] = fill
	}
	copy(b, tag)
	return b
}

// size is how long a payload is: mostly short.
func (d *draw) size() int {
	return pick(d, []weighted[func() int]{
		{60, func() int { return tagLen + d.r.IntN(40) }},
		{15, func() int { return d.r.IntN(tagLen + 1) }},
		{20, func() int { return d.r.IntN(300) }},
		{5, func() int { return 900 + d.r.IntN(500) }},
	})()
}

// id is an IPv4 id, which tells frames apart as well.
func (d *draw) id() uint16 { return uint16(d.number%0xffff) + 1 }

// own4 and own6 are addresses of the sender.
func (d *draw) own4() string {
	switch d.at {
	case scenario.Host:
		return host4
	case "s0":
		return one(d, s0v4, s0v4, s0second4)
	case "s1":
		return s1v4
	case "s2":
		return s2v4
	}
	return wire4
}

func (d *draw) own6() string {
	switch d.at {
	case scenario.Host:
		return one(d, host6, hostLink6)
	case "s0":
		return one(d, s0v6, s0v6, s0link6)
	case "s1":
		return one(d, s1v6, s1v6, s1link6)
	case "s2":
		return s2link6
	}
	return one(d, wire6, wire6, wireLink6)
}

func (d *draw) src4() string {
	if a := d.any4(); d.chance(35) && (a != host4 || !d.slave()) {
		return a
	}
	return d.own4()
}

// src6 is as src4 mostly the sender's address. Slaves do not claim to be the
// host, since what the host itself says is kept from the wire.
func (d *draw) src6() string {
	if a := d.any6(); d.chance(35) && (a != host6 && a != hostLink6 || !d.slave()) {
		return a
	}
	return d.own6()
}

func (d *draw) slave() bool { return d.at != scenario.Wire && d.at != scenario.Host }

// dst4 is mostly a station's address.
func (d *draw) dst4() string {
	if d.chance(45) {
		return one(d, s0v4, s1v4, s2v4, s0second4)
	}
	return d.any4()
}

func (d *draw) dst6() string {
	if d.chance(45) {
		return one(d, s0v6, s1v6, s0link6, s1link6, s2link6)
	}
	return d.any6()
}

func (d *draw) any4() string {
	return pick(d, []weighted[string]{{4, s0v4}, {4, s1v4}, {3, s2v4}, {2, s0second4}, {6, host4}, {6, wire4}, {5, unknown4},
		{2, "10.0.0.26"}, {1, "10.0.0.9"}, {1, "10.0.1.13"}, {3, "192.0.2.5"}, {2, "198.51.100.77"}, {4, "255.255.255.255"}, {3, "10.0.0.255"},
		{3, "224.0.0.1"}, {3, joined4}, {3, joined4s1}, {3, "239.9.9.9"}, {1, "224.0.0.251"}, {1, "240.0.0.1"},
		{2, "169.254.9.9"}, {2, "127.0.0.1"}, {1, "127.0.0.53"}, {3, "0.0.0.0"}, {1, "10.0.0.0"}, {1, "0.0.0.7"}})
}

func (d *draw) any6() string {
	return pick(d, []weighted[string]{{4, s0v6}, {4, s1v6}, {2, s0link6}, {2, s1link6}, {2, s2link6}, {5, host6}, {2, hostLink6}, {5, wire6},
		{2, wireLink6}, {4, unknown6}, {2, "fd00::1:10"}, {1, "fd00:0:0:1::10"}, {3, "2001:db8::5"}, {4, "ff02::1"}, {2, "ff02::2"},
		{3, joined6}, {2, "ff02::9999"}, {2, "ff05::1:3"}, {1, "ff01::1"}, {3, frame.SolicitedNode(s0v6)}, {2, frame.SolicitedNode(s1v6)},
		{1, frame.SolicitedNode(host6)}, {1, frame.SolicitedNode(unknown6)}, {2, "fe80::99"}, {2, "::1"}, {3, "::"}, {1, "::ffff:10.0.0.10"}})
}

// dstMAC fits a destination address, or is another.
func (d *draw) dstMAC(ip string) string {
	fits := macW
	switch {
	case group4(ip) || group6(ip):
		fits = frame.GroupMAC(ip)
	case ip == "255.255.255.255" || ip == "10.0.0.255":
		fits = macAll
	case d.at == scenario.Wire || d.chance(70):
		fits = macM
	}
	if d.chance(70) {
		return fits
	}
	return pick(d, []weighted[string]{{8, macM}, {6, macW}, {5, macAll}, {4, macX}, {1, macNone}, {3, frame.GroupMAC("224.0.0.1")},
		{2, frame.GroupMAC(joined4)}, {2, frame.GroupMAC("239.9.9.9")}, {2, frame.GroupMAC("ff02::1")}, {1, frame.GroupMAC(joined6)},
		{1, frame.GroupMAC(frame.SolicitedNode(s0v6))}, {1, macSTP}, {1, macLLDP}, {1, "03:00:00:00:00:05"}})
}

func group4(ip string) bool {
	return len(ip) > 3 && ip[3] == '.' && ip[0] == '2' && ip[1] >= '2' && ip[1] <= '3'
}
func group6(ip string) bool { return len(ip) > 2 && ip[:2] == "ff" }

// srcMAC is the sender's, or another.
func (d *draw) srcMAC(dst string) string {
	own := macM
	if d.at == scenario.Wire {
		own = macW
	}
	if d.chance(82) {
		return own
	}
	return pick(d, []weighted[string]{{4, macM}, {2, macW}, {3, macX}, {4, dst}, {1, macAll}, {1, macNone}, {2, d.tagMAC()}})
}

// tagMAC is nobody's, and bears the frame's number.
func (d *draw) tagMAC() string {
	b := binary.BigEndian.AppendUint32([]byte{0x02, 0xd1}, d.number)
	const digits = "0123456789abcdef"
	var s []byte
	for i, v := range b {
		if i > 0 {
			s = append(s, ':')
		}
		s = append(s, digits[v>>4], digits[v&15])
	}
	return string(s)
}

// ether is a frame for an address, or for none.
func (d *draw) ether(ip string, typ uint16, payload []byte) []byte {
	dst := d.dstMAC(ip)
	return frame.Ether(dst, d.srcMAC(dst), typ, payload)
}
