package compare

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// The rules of this file say what becomes of one frame by default, where a step has
// sent it as it is, with whatever addresses.

// hostReachFrame: a frame of the host's for a slave goes there and not to the wire,
// and one of a slave's for the host goes to the host port. They are found as those
// from the wire are, whoever they claim to be from.
func hostReachFrame(s situation, side Side, e Entry) bool {
	f := s.stimulus()
	if f == nil || s.mode == "l3s" || s.flag == "vepa" {
		return false
	}
	switch fromHost := s.step.At == scenario.Host; {
	case fromHost && s.mode == "l2":
		return s.fromHostL2(f, side, e)
	case fromHost:
		return s.fromHostL3(f, side, e)
	case !isSlave(s.step.At):
		return false
	case s.mode == "l2":
		return side == Ours && e.Kind == Reached && f.Group() && s.same(e, f) && (announces(f) || s.atHost(asked(f)))
	}
	if s.solicitsByHost(f) {
		return side == Kernel && e.Kind == Arrived && e.Port == scenario.Wire && askedFor(e.Frame) == answerable(f) || side == Ours && answered(e, answerable(f))
	}
	if f.Dst() != s.masterNow() || !s.atHost(target(f)) {
		return false
	}
	switch e.Kind {
	case Reached:
		return side == Ours && s.same(e, f)
	case Arrived: // a question for the host that is addressed to others
		return side == Kernel && e.Port == scenario.Wire && bytes.Equal(e.Frame.Payload(), steady(f).Payload())
	}
	return e.Kind == Socket && e.Port == scenario.Host && between(e, f)
}

// solicitsByHost reports a slave's question for a sibling to a group of IPv6 in a
// unicast frame. The host's routing sends it on, and then the host is answered.
func (s situation) solicitsByHost(f wire.Ethernet) bool {
	_, dst, ok := addresses(f)
	return ok && !f.Group() && dst.IsMulticast() && s.owner(answerable(f)) != ""
}

// fromHostL2: the host is a station on the slaves' link for unicast, questions and
// news about addresses.
func (s situation) fromHostL2(f wire.Ethernet, side Side, e Entry) bool {
	switch {
	case !f.Group():
		owner := s.owner(target(f))
		return f.Dst() == s.masterNow() && owner != "" && (side == Kernel && leftAs(e, f) || side == Ours && arrivedAs(e, f, owner))
	case side == Kernel || e.Kind != Arrived || !isSlave(e.Port):
		return false
	case announces(f):
		return s.same(e, f)
	}
	return s.same(e, f) && e.Port == s.owner(asked(f))
}

// fromHostL3: the host is answered for slaves, and its packets go to them whatever
// their MAC address is.
func (s situation) fromHostL3(f wire.Ethernet, side Side, e Entry) bool {
	if a := answerable(f); s.owner(a) != "" && (f.Type() == wire.TypeARP || f.Group() || f.Dst() == s.masterNow()) {
		return side == Kernel && leftAs(e, f) || side == Ours && answered(e, a)
	}
	if f.Type() == wire.TypeARP || f.Group() {
		return false
	}
	owner, to := s.owner(target(f)), bytes.Clone(f)
	wire.Ethernet(to).SetDst(s.masterNow())
	return owner != "" && (side == Kernel && leftAs(e, f) || side == Ours && arrivedAs(e, to, owner))
}

// l3ProxyFrame: the wire's question for a slave is answered, and does not reach the
// slave's stack, nor the host's, whose own address may end alike and so have the
// same solicited-node group.
func l3ProxyFrame(s situation, side Side, e Entry) bool {
	f := s.plain()
	if s.mode == "l2" || s.step.At != scenario.Wire || f == nil || side != Kernel || e.Kind != Socket {
		return false
	}
	owner := s.owner(answerable(f))
	return owner != "" && (e.Port == owner || e.Port == scenario.Host) && between(e, f)
}

// same reports that an entry is of the frame as it was sent, its source aside if it
// was a slave's.
func (s situation) same(e Entry, f wire.Ethernet) bool {
	want := steady(f)
	if isSlave(s.step.At) {
		want.SetSrc(e.Frame.Src())
	}
	return e.TCI < 0 && bytes.Equal(e.Frame, want)
}

// answered reports that the host gets the MAC address of a, or that its raw sockets
// see the message.
func answered(e Entry, a netip.Addr) bool {
	if e.Kind == Reached {
		return !asks(e.Frame) && answers(e.Frame) == a
	}
	return e.Kind == Socket && e.Port == scenario.Host && e.Data.Src == a.String() && strings.HasPrefix(e.Data.Data, string(rune(wire.NDNeighborAdvert)))
}

// leftAs reports that a frame has left on the wire as it was sent.
func leftAs(e Entry, f wire.Ethernet) bool {
	return e.Kind == Arrived && e.Port == scenario.Wire && bytes.Equal(e.Frame, steady(f))
}

// arrivedAs reports that a slave got a frame, or its sockets the packet in it.
func arrivedAs(e Entry, f wire.Ethernet, slave string) bool {
	return e.Port == slave && (e.Kind == Arrived && bytes.Equal(e.Frame, steady(f)) || e.Kind == Socket && between(e, f))
}

// between reports that a datagram has the addresses of the packet in a frame.
func between(e Entry, f wire.Ethernet) bool {
	src, dst, ok := addresses(f)
	return ok && src.String() == e.Data.Src && dst.String() == e.Data.Dst
}

// owner is the slave that has an address; empty: none.
func (s situation) owner(a netip.Addr) string {
	i := slices.IndexFunc(s.scenario.Slaves, func(o scenario.Slave) bool { return has(o.Station, a) })
	for n := 0; i < 0 && s.scenario.LinkLocal && n < len(s.scenario.Slaves); n++ {
		if a == s.linkLocalOf(n+1) {
			i = n
		}
	}
	if i < 0 {
		return ""
	}
	return s.scenario.Slaves[i].Name
}

// target is the address by which a frame finds a slave; zero when there is none.
func target(f wire.Ethernet) (a netip.Addr) {
	switch b := f.Payload(); f.Type() {
	case wire.TypeIPv4:
		if p, ok := wire.ParseIPv4(b, len(b)); ok {
			a, _ = netip.AddrFromSlice(p[16:20])
		}
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(b)
		switch {
		case !ok:
		case unconfirmed(p):
			a = solicited(p)
		default:
			a, _ = netip.AddrFromSlice(p[24:40])
		}
	case wire.TypeARP:
		if p, ok := wire.ParseARP(b); ok {
			a, _ = netip.AddrFromSlice(p[24:28])
		}
	}
	return a
}

// solicited is the address that a neighbour solicitation asks for.
func solicited(p wire.IPv6) (a netip.Addr) {
	if m, ok := wire.ParseND(p[wire.IPv6Len:]); ok && m.Type() == wire.NDNeighborSolicit {
		a, _ = netip.AddrFromSlice(m[8:24])
	}
	return a
}

// asked is the address that a frame asks for, if it is a question that a station
// answers: its stack looks at the checksum.
func asked(f wire.Ethernet) (a netip.Addr) {
	if _, ok := wire.ParseQuestion(f); !ok {
		return a
	}
	return askedFor(f)
}

// answerable is asked for who answers in the place of a stack.
func answerable(f wire.Ethernet) (a netip.Addr) {
	if q, ok := wire.ParseQuestion(f); !ok || !q.Sound() {
		return a
	}
	return askedFor(f)
}

// announces reports a frame that tells of an address of its sender's.
func announces(f wire.Ethernet) bool {
	switch b := f.Payload(); f.Type() {
	case wire.TypeARP:
		a, ok := wire.ParseARP(b)
		return ok && a.SenderIP() == a.TargetIP()
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(b)
		if !ok || p.Next() != wire.ProtoICMPv6 {
			return false
		}
		m, ok := wire.ParseND(p.Payload())
		return ok && m.Type() == wire.NDNeighborAdvert
	}
	return false
}
