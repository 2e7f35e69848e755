package ipvlan

import (
	"encoding/binary"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// egress is the stage behind ingress; it is told which slave sent the burst.
type egress interface {
	push(from int, b flows.Burst)
}

// ingress takes the frames of one slave and makes the shared MAC true: source
// address, ARP sender and neighbour discovery options are the master's MAC, or
// become it, or the frame is dropped.
type ingress struct {
	*plane
	from     int // the slave's number in this graph
	policy   SourceMAC
	next     egress
	counters []flows.Counter // the slave's
}

// Push takes frames from the slave.
func (s *ingress) Push(b flows.Burst) {
	pkts := s.vec.Packets(b)
	n, from := 0, fromWord(s.mac)
	for _, m := range pkts {
		if b := m.Data(); len(b) >= wire.EthernetLen && binary.LittleEndian.Uint64(b[6:]) == from {
			pkts[n] = m
			n++
			continue
		}
		frame, ok := wire.ParseEthernet(m.Data())
		if !ok {
			s.dropOne(m, Runt, s.counters)
			continue
		}
		if s.policy != Pass && s.foreign(frame) {
			if m = s.correct(m); m == nil {
				continue
			}
		}
		pkts[n] = m
		n++
	}
	if n > 0 {
		s.next.push(s.from, flows.Burst{Off: b.Off, N: uint32(n)})
	}
}

// correct gives m, or a copy that may be written, with the master's MAC in all
// places; nil when it was dropped.
func (s *ingress) correct(m *pmd.Mbuf) *pmd.Mbuf {
	if s.policy == DropForeign {
		s.dropOne(m, ForeignSource, s.counters)
		return nil
	}
	w := s.vec.Writable(m)
	if w == nil {
		s.dropOne(m, NoMbuf, s.counters)
		return nil
	}
	s.rewrite(w)
	return w
}

// foreign reports that frame bears another MAC than the master's as its own.
func (s *ingress) foreign(frame wire.Ethernet) bool {
	if frame.Src() != s.mac {
		return true
	}
	switch frame.Type() {
	case wire.TypeARP:
		a, ok := wire.ParseARP(frame.Payload())
		return ok && a.SenderMAC() != s.mac
	case wire.TypeIPv6:
		nd, own, ok := discovery(frame)
		if !ok {
			return false
		}
		opts := nd.Options()
		for t, opt, ok := opts.Next(); ok; t, opt, ok = opts.Next() {
			if t == own && *wire.NDOptionMAC(opt) != s.mac {
				return true
			}
		}
	}
	return false
}

// rewrite puts the master's MAC wherever foreign looks. A checksum that is still
// to be completed does not depend on it.
func (s *ingress) rewrite(m *pmd.Mbuf) {
	frame := wire.Ethernet(m.Data())
	frame.SetSrc(s.mac)
	switch frame.Type() {
	case wire.TypeARP:
		if a, ok := wire.ParseARP(frame.Payload()); ok {
			a.SetSenderMAC(s.mac)
		}
	case wire.TypeIPv6:
		nd, own, ok := discovery(frame)
		if !ok {
			return
		}
		opts := nd.Options()
		for t, opt, ok := opts.Next(); ok; t, opt, ok = opts.Next() {
			if t == own {
				mac := wire.NDOptionMAC(opt)
				if !m.Offload() {
					nd.SetSum(wire.UpdateMAC(nd.Sum(), *mac, s.mac))
				}
				*mac = s.mac
			}
		}
	}
}

// discovery gives the neighbour discovery message in an IPv6 frame and the type
// of the option in which it names its sender's MAC (RFC 4861, section 4). A
// redirect names another node's, and is left alone.
func discovery(frame wire.Ethernet) (m wire.ND, own uint8, ok bool) {
	p, ok := wire.ParseIPv6(frame.Payload())
	if !ok {
		return nil, 0, false
	}
	proto, b, ok := p.Upper()
	if !ok || proto != wire.ProtoICMPv6 {
		return nil, 0, false
	}
	if m, ok = wire.ParseND(b); !ok {
		return nil, 0, false
	}
	switch m.Type() {
	case wire.NDRouterSolicit, wire.NDRouterAdvert, wire.NDNeighborSolicit:
		return m, wire.NDOptSourceMAC, true
	case wire.NDNeighborAdvert:
		return m, wire.NDOptTargetMAC, true
	}
	return nil, 0, false
}
