package compare

import (
	"net/netip"
	"slices"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// l3sRefused: a router forwards less than the driver, which lends the slaves'
// packets the host's input and output. It refuses packets of sources and
// destinations that are no station's, with a hop limit that is used up, or with
// a header that is not right in all (RFC 1812, section 5.2.2; RFC 4291, section
// 2.5.6; net/ipv4/ip_input.c, ip_rcv_core; net/ipv6/ip6_output.c, ip6_forward).
func l3sRefused(s situation, side Side, e Entry) bool {
	if s.mode != "l3s" || side != Kernel || !s.unroutable() {
		return false
	}
	if s.step.At == scenario.Wire {
		return e.Kind == Socket && isSlave(e.Port)
	}
	return s.leaves(e)
}

// unroutable reports a stimulus that a router does not forward.
func (s situation) unroutable() bool {
	if p, ok := s.packet4(); ok {
		wrong := wire.Fold(wire.Sum(p[:min(p.HeaderLen(), len(p))], 0)) != 0xffff
		if wrong || p.TTL() <= 1 {
			return true
		}
	}
	if p, ok := s.packet6(); ok && (p.HopLimit() <= 1 || p.Next() == 0) {
		return true
	}
	src, dst, ok := s.ends()
	return ok && (s.noSource(src) || s.noDestination(dst))
}

// noSource reports an address that a router takes no packets of.
func (s situation) noSource(a netip.Addr) bool {
	return a.Is4() && has(s.scenario.Master, a) || s.noDestination(a)
}

// noDestination reports an address that a router sends nothing to: a link-local
// one of IPv6, or one that no station can have.
func (s situation) noDestination(a netip.Addr) bool {
	if a.Is6() && a.IsLinkLocalUnicast() || a.Is4In6() || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() {
		return true
	}
	if b := a.As16(); a.Is4() {
		return b[12] == 0 || b[12] >= 240 || s.broadcast(a)
	}
	return false
}

// broadcast reports the broadcast address of a subnet of the master.
func (s situation) broadcast(a netip.Addr) bool {
	return slices.ContainsFunc(s.scenario.Master.Addrs, func(text string) bool {
		p, err := netip.ParsePrefix(firstWord(text))
		return err == nil && p.Contains(a) && !p.Contains(a.Next())
	})
}

// l3sOptions: a router reads IPv4 options, writes its address or the time into
// them, or refuses the packet (RFC 1812, section 5.2.4).
func l3sOptions(s situation, _ Side, e Entry) bool {
	p, ok := s.packet4()
	if s.mode != "l3s" || !ok || p.HeaderLen() == wire.IPv4Len {
		return false
	}
	if s.step.At == scenario.Wire {
		return isSlave(e.Port) && (e.Kind == Arrived || e.Kind == Socket)
	}
	return s.leaves(e)
}

// l3sForwarded: what the wire sends for nobody here, or for a link-local address
// of a slave, to which the host has no route, the host sends back; and a slave's
// packet for a sibling it routes, where the kernel's driver leaves the
// former to the host and, with vepa, the latter to the wire.
func l3sForwarded(s situation, side Side, e Entry) bool {
	_, dst, ok := s.ends()
	if s.mode != "l3s" || !ok {
		return false
	}
	switch {
	case s.step.At == scenario.Wire:
		return side == Ours && e.Kind == Arrived && e.Port == scenario.Wire && !has(s.scenario.Master, dst) && (!s.slave(dst) || dst.Is6() && dst.IsLinkLocalUnicast())
	case s.scenario.FlagWord() != "vepa" || !isSlave(s.step.At) || !s.slave(dst):
		return false
	}
	return side == Kernel && e.Kind == Arrived && e.Port == scenario.Wire
}
