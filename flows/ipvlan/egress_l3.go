package ipvlan

import (
	"encoding/binary"
	"math"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// egressL3 decides in l3 and l3s where a slave's frame goes (ipvlan_core.c,
// ipvlan_xmit_mode_l3): to a sibling whatever its MAC address says, else, if it
// is an IP packet, to the host's routing.
type egressL3 struct {
	*plane
	flag   Flag
	hosts  *Table // the host port's addresses, when their packets go there at once; else nil
	routed bool   // packets for siblings take the host's routing as well
	router flows.Stage

	// Of the burst that is decided about: who admits its frames, nil when that has
	// happened, and what sort is to be told.
	in   *ingress
	told uint32
}

func (e *egressL3) push(from int, in *ingress, b flows.Burst) (bytes uint64) {
	e.in = in
	pkts := e.vec.Packets(b)
	e.told = 0
	i, bytes := e.onward4(pkts, 0)
	if i == len(pkts) {
		e.router.Push(b)
		return bytes
	}
	for ; i < len(pkts); i, _ = e.onward4(pkts, i+1) {
		length := pkts[i].Len()
		v := e.unread(&pkts[i])
		e.told = max(e.told, e.sift.note(i, pkts[i], length, v))
	}
	c := e.slaves[from].counters
	groups, bytes := e.sort(b, e.told)
	for _, g := range groups {
		if g.Verdict == toRouter {
			e.router.Push(g.Burst)
			continue
		}
		e.deliver(g, c)
	}
	return bytes
}

// unread decides about a frame that ingress may not have seen.
func (e *egressL3) unread(slot **pmd.Mbuf) flows.Verdict {
	if r, ok := e.in.admitted(slot); !ok {
		return toDrop + flows.Verdict(r)
	}
	return e.verdict(wire.Ethernet((*slot).Data()), *slot)
}

func (e *egressL3) verdict(frame wire.Ethernet, m *pmd.Mbuf) flows.Verdict {
	if e.flag != VEPA {
		if id, ok := destination(e.table, frame, m.Len()+sentMore); ok {
			switch {
			case e.flag == Private:
				return toDrop + flows.Verdict(PrivateSibling)
			case !e.routed || frame.Type() == wire.TypeARP:
				return e.local(e.slaveVerdict(id), m)
			}
		}
	}
	if frame.Group() {
		return toDrop + flows.Verdict(L3Group)
	}
	switch frame.Type() {
	case wire.TypeIPv4:
		p, ok := wire.ParseIPv4(frame.Payload(), m.Len()-wire.EthernetLen)
		switch {
		case !ok:
			return toDrop + flows.Verdict(L3BadHeader)
		case unroutable(p.Dst()):
			return toDrop + flows.Verdict(L3Destination)
		}
		return e.onward(frame, m)
	case wire.TypeIPv6:
		if _, ok := wire.ParseIPv6(frame.Payload()); !ok {
			return toDrop + flows.Verdict(L3BadHeader)
		}
		return e.onward(frame, m)
	}
	return toDrop + flows.Verdict(L3NotIP)
}

// onward4 gives IPv4 packets from the master's MAC address, from place i on, the verdict
// toRouter, up to the first that is not plain, or may be for a sibling or the host. It gives
// that place, and their bytes.
func (e *egressL3) onward4(pkts []*pmd.Mbuf, i int) (end int, bytes uint64) {
	s, siblings, from := e.sift, e.table.v4.Load().nets, fromWord(e.mac)
	pkts = pkts[:min(len(pkts), sifted)]
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plainLen || !m.Whole() || !routes4((*[plainLen]byte)(b), uint32(len(b)), from) {
			break
		}
		dst := binary.BigEndian.Uint32(b[30:])
		if e.hosts != nil && e.hosts.v4.Load().nets.has(dst) {
			break
		}
		if siblings.has(dst) && e.flag != VEPA {
			if _, ok := e.table.Lookup4(dst); ok {
				break
			}
		}
		s.verdicts[i], s.bytes[i] = toRouter, uint32(len(b))
		bytes += uint64(len(b))
		if m.Offload() {
			e.told = math.MaxUint32
		}
	}
	return i, bytes
}

// routes4 tells IPv4 packets without options, untagged, with the source address of from,
// a fromWord, to a unicast MAC address and a destination that is routed, of a frame of
// length bytes.
func routes4(b *[plainLen]byte, length uint32, from uint64) bool {
	const noOptions = 0x45
	beyond := uint32(binary.BigEndian.Uint16(b[16:])) - wire.IPv4Len
	return binary.LittleEndian.Uint64(b[6:]) == from && b[14] == noOptions && beyond <= length-plainLen &&
		b[0]&1 == 0 && !unroutable(binary.BigEndian.Uint32(b[30:]))
}

// onward decides about an IP packet. One for an address of the host port goes there
// as a frame, so that the host's rules see the interface that it came by, unless the
// host's stack would take it for another's, or it needs to be cut into fragments:
// the host's routing delivers those.
func (e *egressL3) onward(frame wire.Ethernet, m *pmd.Mbuf) flows.Verdict {
	if e.hosts == nil || frame.Dst() != e.mac || m.Longest() > e.host.limit {
		return toRouter
	}
	if _, ok := destination(e.hosts, frame, m.Len()); !ok {
		return toRouter
	}
	return toHost
}

// unroutable reports an IPv4 address that is multicast or the limited broadcast
// (RFC 1112; RFC 919). A subnet's broadcast address only the host's routing
// knows, and refuses.
func unroutable(dst uint32) bool { return dst>>28 == 0xe || dst == 0xffffffff }
