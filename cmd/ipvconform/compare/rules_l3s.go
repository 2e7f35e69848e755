package compare

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// In l3s ipvd lets the host route between its port and the slaves, where the
// kernel's driver lends the host's input and output hooks: the rules of this file
// follow from that.

// l3sHostReach: the host reaches slaves by its routes, and so it asks nobody.
func l3sHostReach(s situation, side Side, e Entry) bool {
	if s.mode != "l3s" || s.step.At != scenario.Host {
		return false
	}
	if side == Ours {
		return isSlave(e.Port) && (e.Kind == Arrived || e.Kind == Socket)
	}
	return e.Kind == Arrived && e.Port == scenario.Wire && asks(e.Frame)
}

// asks reports an ARP request or a neighbour solicitation.
func asks(f wire.Ethernet) bool {
	switch f.Type() {
	case wire.TypeARP:
		a, ok := wire.ParseARP(f.Payload())
		return ok && a.Op() == wire.ARPRequest
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(f.Payload())
		return ok && p.Next() == wire.ProtoICMPv6 && len(p) > wire.IPv6Len && p[wire.IPv6Len] == wire.NDNeighborSolicit
	}
	return false
}

// l3sVEPA: the host routes between slaves, where the kernel's asks on the wire.
func l3sVEPA(s situation, side Side, e Entry) bool {
	if s.mode != "l3s" || s.scenario.FlagWord() != "vepa" || !isSlave(s.step.At) {
		return false
	}
	if side == Ours {
		return isSlave(e.Port) && (e.Kind == Arrived || e.Kind == Socket)
	}
	return e.Kind == Arrived && e.Port == scenario.Wire && asks(e.Frame)
}

// l3sTap: the slave's tap shows what the host routed to it, without padding.
func l3sTap(s situation, side Side, e Entry) bool {
	return s.mode == "l3s" && s.step.At == scenario.Wire && side == Ours && e.Kind == Arrived && isSlave(e.Port) &&
		slices.ContainsFunc(s.step.Hex, func(h scenario.Hex) bool {
			return bytes.HasPrefix(steady(plain(wire.Ethernet(h))).Payload(), e.Frame.Payload())
		})
}

// l3sGroupMAC: a host routes no packet that came in a group frame, nor a
// question that duplicate address detection asks a group, which the kernel's
// driver gives to the slave that has the address and not to the host.
func l3sGroupMAC(s situation, side Side, e Entry) bool {
	f := s.stimulus()
	if s.mode != "l3s" || f == nil || e.Kind != Socket {
		return false
	}
	asked := s.asksForSlave()
	return side == Kernel && isSlave(e.Port) && (f.Group() || asked) ||
		side == Ours && e.Port == scenario.Host && asked && s.step.At == scenario.Wire
}

// asksForSlave reports that the stimulus is a neighbour solicitation of an
// address not confirmed yet for one that a slave has.
func (s situation) asksForSlave() bool {
	p, ok := s.packet6()
	if !ok || !unconfirmed(p) {
		return false
	}
	m, ok := wire.ParseND(p[wire.IPv6Len:])
	return ok && m.Type() == wire.NDNeighborSolicit && s.slave(netip.AddrFrom16([16]byte(m[8:24])))
}

// l3sRoute: the host routes as a router does: what is not its own it sends on,
// with a redirect, and what it has no route for it refuses.
func l3sRoute(s situation, side Side, e Entry) bool {
	switch {
	case s.mode != "l3s" || s.step.At == scenario.Host:
		return false
	case e.Kind == Socket:
		return side == Ours && e.Port == scenario.Host && strings.HasSuffix(e.Data.Dst, ".255")
	case e.Kind == Arrived:
		return asks(e.Frame) && e.Port == scenario.Wire || side == Ours && fromRouter(e.Frame)
	}
	return false
}

// fromRouter reports that a destination is unreachable, or a redirect.
func fromRouter(f wire.Ethernet) bool { return icmpError(f, 3) || icmpError(f, 5) }

// icmpError reports an ICMP message of this type.
func icmpError(f wire.Ethernet, typ uint8) bool {
	if len(f) < wire.EthernetLen || f.Type() != wire.TypeIPv4 {
		return false
	}
	p, ok := wire.ParseIPv4(f.Payload(), len(f)-wire.EthernetLen)
	if !ok || p.Proto() != wire.ProtoICMP {
		return false
	}
	m, ok := wire.ParseICMP(p.Payload())
	return ok && m.Type() == typ
}

// l3sTTL: a packet for the host itself arrives with one more, since the TTL is
// raised for a router to lower; and a router drops what comes with a TTL of 1.
func l3sTTL(s situation, side Side, e Entry) bool {
	if s.mode != "l3s" {
		return false
	}
	if isSlave(s.step.At) {
		return e.Kind == Socket && e.Port == scenario.Host
	}
	f := s.stimulus()
	if f == nil {
		return false
	}
	p, ok := wire.ParseIPv4(f.Payload(), len(f)-wire.EthernetLen)
	return ok && f.Type() == wire.TypeIPv4 && p.TTL() <= 1 && (side == Kernel || icmpError(e.Frame, 11))
}

func hopLimit(s situation, _ Side, e Entry) bool {
	if n, ok := s.hops(); ok && n < 254 {
		return false
	}
	if s.mode != "l3s" || e.Kind != Arrived || e.Port != scenario.Wire {
		return false
	}
	if p, ok := wire.ParseIPv4(e.Frame.Payload(), len(e.Frame)-wire.EthernetLen); ok && e.Frame.Type() == wire.TypeIPv4 {
		return p.TTL() >= 254
	}
	p, ok := wire.ParseIPv6(e.Frame.Payload())
	return ok && e.Frame.Type() == wire.TypeIPv6 && p.HopLimit() >= 254
}

// l3sVRF: in a VRF the kernel's driver does not see what comes in for slaves.
func l3sVRF(s situation, side Side, e Entry) bool {
	inVRF := slices.ContainsFunc(s.scenario.Setup, func(c scenario.Command) bool { return strings.Contains(c.Cmd, " type vrf ") })
	return s.mode == "l3s" && inVRF && s.step.At == scenario.Wire && side == Ours && isSlave(e.Port) && (e.Kind == Arrived || e.Kind == Socket)
}
