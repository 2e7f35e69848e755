package differential

import (
	"bytes"
	"encoding/binary"

	"ipvd/flows/wire"
)

// candidates are frames that differ from b in one step: a layer less, fewer
// bytes, an address or a field as usual, zeros. Not all of them are simpler.
func candidates(b []byte) (all [][]byte) {
	add := func(c []byte) { all = append(all, c, mended(c)) }
	for _, n := range cuts(len(b)) {
		add(b[:n])
	}
	if _, ok := wire.ParseVLAN(b); ok {
		add(append(bytes.Clone(b[:12]), b[16:]...))
	}
	for _, at := range []int{0, 6} {
		for _, m := range plainMACs() {
			all = append(all, with(b, at, m))
		}
	}
	e := wire.Ethernet(b)
	switch p := b[wire.EthernetLen:]; {
	case e.Type() == wire.TypeIPv4 && len(p) >= wire.IPv4Len:
		candidates4(b, add)
	case e.Type() == wire.TypeIPv6 && len(p) >= wire.IPv6Len:
		candidates6(b, add)
	}
	for _, z := range zeroed(b) {
		add(z)
	}
	return all
}

// cuts are lengths to cut a frame to.
func cuts(n int) (all []int) {
	for _, c := range []int{14, 18, 34, 38, 42, 46, 54, 58, 62, 70, 78, 86, n / 2, n * 3 / 4, n - 64, n - 16, n - 8, n - 4, n - 2, n - 1} {
		if c >= shortest && c < n {
			all = append(all, c)
		}
	}
	return all
}

// with is b with bytes at a place replaced.
func with(b []byte, at int, now []byte) []byte {
	c := bytes.Clone(b)
	copy(c[at:], now)
	return c
}

func candidates4(b []byte, add func([]byte)) {
	const ip = wire.EthernetLen
	for _, at := range []int{ip + 12, ip + 16} {
		for _, a := range plain4s() {
			add(with(b, at, a))
		}
	}
	add(with(b, ip, []byte{0x45}))
	add(with(b, ip+1, []byte{0}))
	add(with(b, ip+4, []byte{0, 0}))
	add(with(b, ip+6, []byte{0, 0}))
	for flag := byte(0x80); flag >= 0x20; flag >>= 1 {
		add(with(b, ip+6, []byte{b[ip+6] &^ flag}))
	}
	add(with(b, ip+8, []byte{64}))
	add(with(b, ip+9, []byte{17}))
	if n := int(b[ip]&0xf) * 4; n > wire.IPv4Len && ip+n <= len(b) { // without options
		c := append(bytes.Clone(b[:ip+wire.IPv4Len]), b[ip+n:]...)
		c[ip] = c[ip]&0xf0 | 5
		add(c)
	}
}

func candidates6(b []byte, add func([]byte)) {
	const ip = wire.EthernetLen
	for _, at := range []int{ip + 8, ip + 24} {
		for _, a := range plain6s() {
			add(with(b, at, a))
		}
	}
	add(with(b, ip, []byte{0x60, 0, 0, 0}))
	add(with(b, ip+6, []byte{17}))
	add(with(b, ip+7, []byte{64}))
	if p := b[ip+wire.IPv6Len:]; len(p) >= 8 && len(p) >= int(p[1])*8+8 { // without the first extension header
		c := append(bytes.Clone(b[:ip+wire.IPv6Len]), p[int(p[1])*8+8:]...)
		c[ip+6] = p[0]
		add(c)
	}
}

// zeroed are frames with a part behind the Ethernet header set to zero: halves,
// quarters and so on down to single bytes.
func zeroed(b []byte) (all [][]byte) {
	for n := len(b) - wire.EthernetLen; n > 0; n /= 2 {
		if n > 1 && n < 64 && len(b) > 300 {
			break
		}
		for at := wire.EthernetLen; at < len(b); at += n {
			all = append(all, with(b, at, make([]byte, min(n, len(b)-at))))
		}
	}
	return all
}

// mended is a frame whose lengths and checksums are right, as far as it is IP.
func mended(b []byte) []byte {
	const ip = wire.EthernetLen
	c := bytes.Clone(b)
	if len(c) < ip {
		return c
	}
	switch p := c[ip:]; {
	case wire.Ethernet(c).Type() == wire.TypeIPv4 && len(p) >= wire.IPv4Len:
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
		mendSum4(p)
		if n := int(p[0]&0xf) * 4; p[9] == wire.ProtoUDP && len(p) >= n+wire.UDPLen {
			binary.BigEndian.PutUint16(p[n+4:], uint16(len(p)-n))
			p[n+6], p[n+7] = 0, 0 // no checksum
		}
	case wire.Ethernet(c).Type() == wire.TypeIPv6 && len(p) >= wire.IPv6Len:
		binary.BigEndian.PutUint16(p[4:], uint16(len(p)-wire.IPv6Len))
	}
	return c
}
