package ipvlan

import (
	"encoding/binary"
	"math/bits"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// send makes the packet that was read one that h's shortcut sends, and gives where
// to. Its TTL stays, as after the turn through the host.
func (s *shortcut) send(h *half, n uint32, slot **pmd.Mbuf) flows.Verdict {
	m := s.vec.Writable(*slot)
	if m == nil {
		return toDrop + flows.Verdict(NoMbuf)
	}
	*slot = m
	r := &s.read
	h.count.Add(counted1(r.length))
	b := m.Data()
	if h.now != h.addrs || h.ports != uint32(h.kind>>32) {
		if r.kind&version6 == 0 {
			h.rewrite4(b, r.upper, m.Offload())
		} else {
			h.rewrite6(b, r.upper, &s.table.rest(n).now6, m.Offload())
		}
	}
	return s.address(h, b)
}

// send4 is send for a plain packet, in one piece, since most are.
func (s *shortcut) send4(h *half, g *glance, slot **pmd.Mbuf) flows.Verdict {
	m := *slot
	if m.Shared() {
		if m = s.vec.Writable(m); m == nil {
			return toDrop + flows.Verdict(NoMbuf)
		}
		*slot = m
	}
	h.count.Add(counted1(int(g.length)))
	b, out := (*[glanceLen]byte)(m.Data()), h.out.Load()
	if h.now != g.addrs || h.ports != uint32(g.kind>>32) {
		h.rewrite4(b[:], atIP+wire.IPv4Len, m.Offload())
	}
	dst, v := s.macWord, toWire
	if to := out >> 16; to != wayToWire {
		v = s.slaveVerdict(to)
	} else {
		dst = bits.ReverseBytes64(h.learned.Load()) & macMask
	}
	binary.LittleEndian.PutUint64(b[:], dst|s.macWord<<48)
	binary.LittleEndian.PutUint32(b[8:], uint32(s.macWord>>16))
	return v
}

// address gives a frame its MAC addresses, and says where it goes.
func (s *shortcut) address(h *half, b []byte) flows.Verdict {
	frame := wire.Ethernet(b)
	frame.SetSrc(s.mac)
	if to := h.to(); to != wayToWire {
		frame.SetDst(s.mac)
		return s.slaveVerdict(to)
	}
	frame.SetDst(hopOf(h.learned.Load()))
	return toWire
}

// makeLearned and hopOf convert half.learned.
func makeLearned(hop wire.MAC, longest int) uint64 {
	var w [8]byte
	copy(w[:], hop[:])
	return binary.BigEndian.Uint64(w[:])&^0xffff | uint64(min(longest, 0xffff))
}

func hopOf(learned uint64) (hop wire.MAC) {
	var w [8]byte
	binary.BigEndian.PutUint64(w[:], learned)
	copy(hop[:], w[:])
	return hop
}

// rewrite4 gives an IPv4 packet its addresses and ports as they leave.
func (h *half) rewrite4(b []byte, upper int, unfinished bool) {
	sum := uint16(h.out.Load())
	p := b[atIP:]
	binary.BigEndian.PutUint64(b[atAddrs4:], h.now)
	binary.BigEndian.PutUint16(p[10:], wire.Adjust(wire.IPv4(p).Sum(), sum))
	h.rewriteUpper(b[upper:], sum, unfinished)
}

// rewrite6 does so for IPv6, whose header has no checksum.
func (h *half) rewrite6(b []byte, upper int, now *sixAddrs, unfinished bool) {
	for i, w := range now {
		binary.BigEndian.PutUint64(b[atAddrs6+8*i:], w)
	}
	h.rewriteUpper(b[upper:], uint16(h.out.Load()), unfinished)
}

// rewriteUpper writes the ports and adjusts the checksum, to which the addresses
// add sum. A checksum that is to be completed holds the sum of the pseudo header,
// which has no ports (virtio 1.1, section 5.1.6.2).
func (h *half) rewriteUpper(upper []byte, sum uint16, unfinished bool) {
	before := uint32(h.kind >> 32)
	binary.BigEndian.PutUint32(upper, h.ports)
	at := sumUDP
	if h.kind&0xff == wire.ProtoTCP {
		at = sumTCP
	}
	old := binary.BigEndian.Uint16(upper[at:])
	switch {
	case unfinished:
		old = wire.Fold(uint64(old) + uint64(sum))
	case at == sumUDP && old == 0:
		return // none was made (RFC 768)
	default:
		ports := uint64(^before>>16&0xffff) + uint64(^before&0xffff) + uint64(h.ports>>16) + uint64(h.ports&0xffff)
		old = wire.Adjust(old, wire.Fold(ports+uint64(sum)))
		if at == sumUDP && old == 0 {
			old = 0xffff
		}
	}
	binary.BigEndian.PutUint16(upper[at:], old)
}
