package ipvlan

import (
	"encoding/binary"

	"ipvd/flows"
	"ipvd/flows/wire"
)

// learned is how many addresses of a slave are told of when packets come from them.
const learned = 16

// DHCP (RFC 2131, section 2; RFC 2132): where its fields lie, and what of it is read.
const (
	dhcpServer  = 67 // UDP port
	dhcpClient  = 12 // ciaddr: the address that the client has
	dhcpCookie  = 236
	dhcpOptions = 240

	dhcpMagic        = 0x63825363
	dhcpPad, dhcpEnd = 0, 255
	dhcpWanted       = 50 // option: the address that the client asks for
	dhcpType         = 53 // option: message type
	dhcpRequest      = 3
)

// learn looks at what a slave says of its own addresses, in ARP, neighbour discovery and
// DHCP, and hands the frames on as they are. Other packets tell only that an address
// that is known is in use.
type learn struct {
	next     flows.Stage
	plane    *plane
	learner  *Learner
	seen     *sightings
	counters []flows.Counter // the slave's

	epoch uint32
	fresh int // of recent: those told of in this epoch
	n     int
	// recent are addresses told of, those of this epoch first.
	recent [learned]sighting
}

// Push looks at frames from the slave.
func (s *learn) Push(b flows.Burst) {
	if e := s.learner.epoch.Load(); e != s.epoch {
		s.epoch, s.fresh = e, 0
	}
	for _, m := range s.plane.vec.Packets(b) {
		if frame, ok := wire.ParseEthernet(m.Data()); ok {
			s.look(frame, m.Len())
		}
	}
	s.next.Push(b)
}

// look reads one frame, of n bytes in all.
func (s *learn) look(frame wire.Ethernet, n int) {
	switch frame.Type() {
	case wire.TypeARP:
		if a, ok := wire.ParseARP(frame.Payload()); ok && a.Ethernet() && a.SenderIP() != 0 {
			s.tell(v4(a.SenderIP()))
		}
	case wire.TypeIPv4:
		if p, ok := wire.ParseIPv4(frame.Payload(), n-wire.EthernetLen); ok {
			if p.Proto() == wire.ProtoUDP {
				s.dhcp(p)
			}
			s.use(v4(p.Src()))
		}
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(frame.Payload())
		if !ok {
			return
		}
		hi, lo := p.Src()
		if m, _, ok := discovery(frame); ok {
			s.discovered(m, sighting{hi: hi, lo: lo})
			return
		}
		s.use(sighting{hi: hi, lo: lo})
	}
}

func v4(ip uint32) sighting { return sighting{lo: uint64(ip), v4: true} }

// discovered takes the address of a neighbour discovery message: its source, or when
// that is unspecified the one that is looked for, which the sender wants to have
// (RFC 4862, section 5.4).
func (s *learn) discovered(m wire.ND, from sighting) {
	if from.hi|from.lo == 0 {
		if m.Type() != wire.NDNeighborSolicit {
			return
		}
		from.hi, from.lo = m.Target()
	}
	s.tell(from)
}

// dhcp takes the address that a client asks for: it uses it when the server agrees.
func (s *learn) dhcp(p wire.IPv4) {
	u, ok := wire.ParseUDP(p.Payload())
	if !ok || u.DstPort() != dhcpServer || p.Fragment() {
		return
	}
	b := u.Payload()
	if len(b) < dhcpOptions || b[0] != 1 || binary.BigEndian.Uint32(b[dhcpCookie:]) != dhcpMagic {
		return
	}
	addr, request := binary.BigEndian.Uint32(b[dhcpClient:]), false
	for o := b[dhcpOptions:]; len(o) > 0 && o[0] != dhcpEnd; {
		if o[0] == dhcpPad {
			o = o[1:]
			continue
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			return
		}
		switch v := o[2 : 2+int(o[1])]; {
		case o[0] == dhcpType && len(v) == 1:
			request = v[0] == dhcpRequest
		case o[0] == dhcpWanted && len(v) == 4:
			addr = binary.BigEndian.Uint32(v)
		}
		o = o[2+int(o[1]):]
	}
	if request && addr != 0 {
		s.tell(v4(addr))
	}
}

// use tells that an address is in use which was told of before this epoch.
func (s *learn) use(a sighting) {
	for i := s.fresh; i < s.n; i++ {
		if s.recent[i] == a {
			s.tell(a)
			return
		}
	}
}

// tell tells of an address, once an epoch as long as there are no more than recent has
// room for.
func (s *learn) tell(a sighting) {
	at := 0
	for at < s.n && s.recent[at] != a {
		at++
	}
	if at < s.fresh {
		return
	}
	if !s.seen.put(a) {
		s.counters[learnLost].Add(1)
		return
	}
	if at == s.n {
		s.n = min(s.n+1, learned)
		at = s.n - 1
	}
	first := min(s.fresh, learned-1)
	s.recent[at], s.recent[first] = s.recent[first], a
	s.fresh = first + 1
}
