package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// egress is the stage behind ingress. It is told which slave sent the burst, of up to sifted
// frames, and gives their bytes. It looks at frames before in does, which it asks to admit
// those that it cannot tell to bear the master's MAC address and no other; with in nil that
// has happened.
type egress interface {
	push(from int, in *ingress, b flows.Burst) (bytes uint64)
}

// ingress takes the frames of one slave and makes the shared MAC true: source
// address, ARP sender and neighbour discovery options are the master's MAC, or
// become it, or the frame is dropped.
type ingress struct {
	*plane
	from     int // the slave's number in this graph
	policy   SourceMAC
	next     egress
	first    bool            // it sees frames before next does
	counters []flows.Counter // the slave's
}

// Push takes frames from the slave.
func (s *ingress) Push(b flows.Burst) { s.PushMetered(b) }

// PushMetered does, and gives their bytes.
func (s *ingress) PushMetered(b flows.Burst) (bytes uint64) {
	for b.N > 0 {
		part := flows.Burst{Off: b.Off, N: min(b.N, sifted)}
		if s.first {
			bytes += s.admitAll(part)
		} else {
			bytes += s.next.push(s.from, s, part)
		}
		b.Off, b.N = b.Off+part.N, b.N-part.N
	}
	return bytes
}

// admitAll hands on what it admits.
func (s *ingress) admitAll(b flows.Burst) (bytes uint64) {
	pkts, n := s.vec.Packets(b), 0
	for _, m := range pkts {
		bytes += uint64(m.Len())
		if r, ok := s.admit(&m); !ok {
			s.dropOne(m, r, s.counters)
			continue
		}
		pkts[n] = m
		n++
	}
	if n > 0 {
		s.next.push(s.from, nil, flows.Burst{Off: b.Off, N: uint32(n)})
	}
	return bytes
}

// admitted is admit by an ingress that has not seen the frame; nil has.
func (s *ingress) admitted(slot **pmd.Mbuf) (r Reason, ok bool) {
	if s == nil {
		return 0, true
	}
	return s.admit(slot)
}

// admit sees to it that a frame has the master's MAC in all places; it may put a copy
// of it, which may be written, in its place. If not ok, the frame is to be dropped for r.
func (s *ingress) admit(slot **pmd.Mbuf) (r Reason, ok bool) {
	frame, ok := wire.ParseEthernet((*slot).Data())
	switch {
	case !ok:
		return Runt, false
	case s.policy == Pass || !s.foreign(frame):
		return 0, true
	case s.policy == DropForeign:
		return ForeignSource, false
	}
	w := s.vec.Writable(*slot)
	if w == nil {
		return NoMbuf, false
	}
	*slot = w
	s.rewrite(w)
	return 0, true
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
