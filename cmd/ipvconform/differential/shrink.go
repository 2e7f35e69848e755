package differential

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"ipvd/flows/wire"
)

// shrinkRounds bounds the search; each round tries some dozens of candidates.
const shrinkRounds = 40

// Shrink gives the simplest frame that it finds for which try is still true,
// starting from one for which it is. Each round it tries all that are a step
// simpler, at once, and goes on with the simplest that holds.
func Shrink(frame []byte, try func(candidates [][]byte) ([]bool, error)) ([]byte, error) {
	best := frame
	for range shrinkRounds {
		simpler := simplerThan(best)
		if len(simpler) == 0 {
			return best, nil
		}
		holds, err := try(simpler)
		if err != nil {
			return best, err
		}
		next := []byte(nil)
		for i, b := range simpler {
			if holds[i] && (next == nil || cost(b) < cost(next)) {
				next = b
			}
		}
		if next == nil {
			return best, nil
		}
		best = next
	}
	return best, nil
}

// simplerThan are candidates that cost less, without duplicates.
func simplerThan(b []byte) (all [][]byte) {
	seen := map[string]bool{string(b): true}
	for _, c := range candidates(b) {
		if len(c) >= shortest && !seen[string(c)] && cost(c) < cost(b) {
			seen[string(c)] = true
			all = append(all, c)
		}
	}
	return all
}

// plainMACs and plainIPs are what an address is best, in this order.
func plainMACs() [][]byte { return [][]byte{macBytes(macM), macBytes(macW), macBytes(macAll)} }

func plain4s() [][]byte { return [][]byte{{10, 0, 0, 254}, {10, 0, 0, 10}, {10, 0, 0, 1}} }

func plain6s() [][]byte { return [][]byte{v6bytes(wire6), v6bytes(s0v6), v6bytes(host6)} }

// cost is how far a frame is from a plain one: its length, and what in it is
// not zero, or not as usual.
func cost(b []byte) int {
	n := 4 * len(b)
	n += rank(b[0:6], plainMACs()) + rank(b[6:12], plainMACs())
	from := wire.EthernetLen
	e := wire.Ethernet(b)
	switch p := b[wire.EthernetLen:]; {
	case e.Type() == wire.TypeIPv4 && len(p) >= wire.IPv4Len:
		n += odd(p[0], 0x45) + odd(p[1], 0) + odd(p[8], 64) + odd(p[9], 17) + bits.OnesCount8(p[6]) + odd(p[7], 0) + odd(p[4], 0) + odd(p[5], 0)
		n += rank(p[12:16], plain4s()) + rank(p[16:20], plain4s())
		if int(binary.BigEndian.Uint16(p[2:])) != len(p) {
			n += 2
		}
		if wire.Fold(wire.Sum(p[:min(len(p), max(wire.IPv4Len, int(p[0]&0xf)*4))], 0)) != 0xffff {
			n += 2
		}
		from += wire.IPv4Len
	case e.Type() == wire.TypeIPv6 && len(p) >= wire.IPv6Len:
		n += odd(p[0], 0x60) + odd(p[1], 0) + odd(p[2], 0) + odd(p[3], 0) + odd(p[6], 17) + odd(p[7], 64)
		n += rank(p[8:24], plain6s()) + rank(p[24:40], plain6s())
		if int(binary.BigEndian.Uint16(p[4:])) != len(p)-wire.IPv6Len {
			n += 2
		}
		from += wire.IPv6Len
	}
	for _, c := range b[from:] {
		n += odd(c, 0)
	}
	return n
}

func odd(b, usual byte) int {
	if b == usual {
		return 0
	}
	return 1
}

// rank is the place of an address among the plain ones.
func rank(a []byte, plain [][]byte) int {
	for i, p := range plain {
		if bytes.Equal(a, p) {
			return i
		}
	}
	return len(plain) + 2
}
