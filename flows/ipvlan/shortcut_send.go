package ipvlan

import (
	"encoding/binary"

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

// address gives a frame its MAC addresses, and says where it goes.
func (s *shortcut) address(h *half, b []byte) flows.Verdict {
	frame := wire.Ethernet(b)
	frame.SetSrc(s.mac)
	if to := h.to.Load(); to != wayToWire {
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
	binary.BigEndian.PutUint64(b[atAddrs4:], h.now)
	adjust(b[atSum4:], h.change)
	h.rewriteUpper(b[upper:], unfinished)
}

// rewrite6 does so for IPv6, whose header has no checksum.
func (h *half) rewrite6(b []byte, upper int, now *sixAddrs, unfinished bool) {
	for i, w := range now {
		binary.BigEndian.PutUint64(b[atAddrs6+8*i:], w)
	}
	h.rewriteUpper(b[upper:], unfinished)
}

// rewriteUpper writes the ports and adjusts the checksum. One that is to be completed holds
// the sum of the pseudo header, which has no ports (virtio 1.1, section 5.1.6.2).
func (h *half) rewriteUpper(upper []byte, unfinished bool) {
	binary.BigEndian.PutUint32(upper, h.ports)
	at, udp := sumTCP, h.kind&0xff == wire.ProtoUDP
	if udp {
		at = sumUDP
	}
	sum := binary.LittleEndian.Uint16(upper[at:])
	switch {
	case unfinished:
		sum = ^wire.Adjust(^sum, h.change)
	case !udp:
		sum = wire.Adjust(sum, h.changes)
	case sum != 0: // else none was made (RFC 768)
		sum = sumOfUDP(sum, h.changes)
	}
	binary.LittleEndian.PutUint16(upper[at:], sum)
}

// adjust changes a checksum where it lies.
func adjust(sum []byte, change uint16) {
	binary.LittleEndian.PutUint16(sum, wire.Adjust(binary.LittleEndian.Uint16(sum), change))
}

// sumOfUDP is a checksum after a change, as UDP has it: it writes zero as its other form,
// since zero means that there is none (RFC 768).
func sumOfUDP(sum, change uint16) uint16 {
	if sum = wire.Adjust(sum, change); sum == 0 {
		return 0xffff
	}
	return sum
}
