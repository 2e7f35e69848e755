package compare

import (
	"bytes"
	"net/netip"
	"regexp"
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
	if s.mode != "l3s" || s.step.At == scenario.Wire {
		return false
	}
	switch {
	case side == Ours && isSlave(e.Port):
		return e.Kind == Socket && s.step.At == scenario.Host || (e.Kind == Arrived || e.Kind == Sent) && s.betweenHostAndSlave(e.Frame)
	case e.Kind == Fact && e.Port == scenario.Host && e.Field.Name == fieldRoute:
		dst, _, _ := strings.Cut(e.Field.Value, " ")
		return strings.Contains(e.Field.Value, returnDevice) == (side == Ours) && strings.Contains(s.ours.Out, dst+" "+returnDevice)
	case side == Ours:
		return false
	}
	return s.step.At == scenario.Host && e.Kind == Arrived && e.Port == scenario.Wire && asks(e.Frame)
}

// setsProxy lets a host answer ARP for what it has a route to by another interface.
var setsProxy = regexp.MustCompile(`\bproxy_arp=1`)

// l3sRoutes: the host's routes to slaves are there, so that proxy_arp answers for
// them, and that they cannot be added.
func l3sRoutes(s situation, side Side, e Entry) bool {
	switch {
	case s.mode != "l3s":
		return false
	case e.Kind == Status:
		return s.step.At == scenario.Host && strings.Contains(s.step.Cmd, "route add") && strings.Contains(s.ours.Out, "File exists") && *s.kernel.RC == 0
	}
	told := slices.ContainsFunc(s.scenario.Setup, func(c scenario.Command) bool { return setsProxy.MatchString(c.Cmd) }) ||
		slices.ContainsFunc(s.before, func(b scenario.Step) bool { return setsProxy.MatchString(b.Cmd) })
	f := s.stimulus()
	return told && side == Ours && f != nil && asks(f) && e.Kind == Arrived && e.Port == scenario.Wire && e.Frame.Type() == wire.TypeARP && !asks(e.Frame)
}

// returnDevice is the begin of the name of the host's interface to slaves.
const returnDevice = "dev ipvd-ret"

// betweenHostAndSlave reports a packet from one of the host's addresses to a slave,
// or the other way round.
func (s situation) betweenHostAndSlave(f wire.Ethernet) bool {
	src, dst, ok := addresses(f)
	return ok && (s.ofHost(src) && !s.ofHost(dst) || s.ofHost(dst) && !s.ofHost(src))
}

// ofHost reports an address that the scenario gives the host.
func (s situation) ofHost(a netip.Addr) bool {
	return slices.ContainsFunc(s.scenario.Master.Addrs, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && p.Addr() == a
	})
}

// addresses are those of an IP packet.
func addresses(f wire.Ethernet) (src, dst netip.Addr, ok bool) {
	if len(f) < wire.EthernetLen {
		return src, dst, false
	}
	p := f.Payload()
	switch {
	case f.Type() == wire.TypeIPv4 && len(p) >= wire.IPv4Len:
		src, _ = netip.AddrFromSlice(p[12:16])
		dst, _ = netip.AddrFromSlice(p[16:20])
	case f.Type() == wire.TypeIPv6 && len(p) >= wire.IPv6Len:
		src, _ = netip.AddrFromSlice(p[8:24])
		dst, _ = netip.AddrFromSlice(p[24:40])
	}
	return src, dst, src.IsValid()
}

// l3sHostAddress: a packet for an address that the host has as well as a slave.
func l3sHostAddress(s situation, side Side, e Entry) bool {
	if s.mode != "l3s" || e.Kind != Socket || (side == Kernel) != isSlave(e.Port) || side == Ours && e.Port != scenario.Host {
		return false
	}
	twin := s.ours.UDP // who got it on the other side
	if side == Ours {
		twin = s.kernel.UDP
	}
	dst, err := netip.ParseAddr(e.Data.Dst)
	return err == nil && s.ofHost(dst) && slices.ContainsFunc(twin, func(d scenario.Delivery) bool {
		return d.Src == e.Data.Src && d.Dst == e.Data.Dst && isSlave(d.Port) != isSlave(e.Port)
	})
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
	if s.mode != "l3s" || s.flag != "vepa" || !isSlave(s.step.At) {
		return false
	}
	if side == Ours {
		return isSlave(e.Port) && (e.Kind == Arrived || e.Kind == Socket || e.Kind == Sent)
	}
	return e.Kind == Arrived && e.Port == scenario.Wire && asks(e.Frame)
}

// l3sTap: the slave's tap shows what the host routed to it, without padding.
func l3sTap(s situation, side Side, e Entry) bool {
	return s.mode == "l3s" && s.step.At == scenario.Wire && side == Ours && e.Kind == Arrived && isSlave(e.Port) &&
		slices.ContainsFunc(s.ours.Seen, func(f scenario.Frame) bool {
			if f.Port != scenario.Wire || f.Dir != scenario.Out || len(f.Hex) < wire.EthernetLen {
				return false
			}
			sent := untagged(wire.Ethernet(f.Hex))
			if s.step.Cmd != "" {
				sent = withoutDrawn(sent)
			}
			return bytes.HasPrefix(sent.Payload(), e.Frame.Payload()) || len(sent) == len(e.Frame) && s.translates()
		})
}

// l3sGroupMAC: a host routes no packet that came in a group frame, nor a
// question that duplicate address detection asks a group, which the kernel's
// driver gives to the slave that has the address and not to the host.
func l3sGroupMAC(s situation, side Side, e Entry) bool {
	f := s.stimulus()
	if s.mode != "l3s" || f == nil || e.Kind != Socket && e.Kind != Sent {
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
	case side == Kernel && s.martian():
		return isSlave(e.Port) && (e.Kind == Socket || e.Kind == Sent) || e.Port == scenario.Wire && e.Kind == Arrived
	case e.Kind == Socket:
		return side == Ours && e.Port == scenario.Host && strings.HasSuffix(e.Data.Dst, ".255")
	case e.Kind == Arrived && asks(e.Frame) && e.Port == scenario.Wire:
		return true
	case e.Kind == Sent && e.Port == scenario.Wire, e.Kind == Reached:
		return resolves(e.Frame) && (s.step.At != scenario.Wire || side == Ours && !asks(e.Frame))
	case e.Kind == Arrived && side == Ours:
		return fromRouter(e.Frame) || e.Port == scenario.Wire && s.sentOn(e.Frame)
	case e.Kind == Arrived && e.Port == scenario.Wire:
		return isSlave(s.step.At) && s.refused(e.Frame)
	}
	return false
}

// martian reports a stimulus with an address that no router forwards (RFC 1812,
// section 5.3.7): from one of the host's own or from a loopback, limited broadcast or
// group address, or for a loopback one.
func (s situation) martian() bool {
	src, dst, ok := addresses(s.stimulus())
	if !ok {
		return false
	}
	all := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	return s.ofHost(src) || src.IsLoopback() || src.IsMulticast() || src == all || dst.IsLoopback()
}

// sentOn reports a packet that the wire has sent in this step and that is back with
// a TTL less one.
func (s situation) sentOn(f wire.Ethernet) bool {
	return slices.ContainsFunc(s.ours.Seen, func(o scenario.Frame) bool {
		if o.Port != scenario.Wire || o.Dir != scenario.Out || len(o.Hex) != len(f) {
			return false
		}
		sent := steady(o.Hex)
		switch {
		case f.Type() != sent.Type():
			return false
		case f.Type() == wire.TypeIPv4 && len(f) >= wire.EthernetLen+wire.IPv4Len:
			p, q := sent.Payload(), f.Payload()
			return p[8] == q[8]+1 && bytes.Equal(p[:8], q[:8]) && bytes.Equal(p[12:], q[12:])
		case f.Type() == wire.TypeIPv6 && len(f) >= wire.EthernetLen+wire.IPv6Len:
			p, q := sent.Payload(), f.Payload()
			return p[7] == q[7]+1 && bytes.Equal(p[:7], q[:7]) && bytes.Equal(p[8:], q[8:])
		}
		return false
	})
}

// l3sLinkLocal: no host routes packets of a link-local address, neither a slave's
// nor those for one.
func l3sLinkLocal(s situation, side Side, e Entry) bool {
	switch {
	case s.mode != "l3s":
		return false
	case side == Kernel && e.Kind == Socket && isSlave(e.Port):
		dst, err := netip.ParseAddr(e.Data.Dst)
		return err == nil && linkLocal6(dst)
	case side == Kernel && e.Kind == Arrived && e.Port == scenario.Wire && isSlave(s.step.At):
		_, dst, ok := addresses(e.Frame)
		return ok && linkLocal6(dst)
	}
	return side == Ours && e.Kind == Reached && len(s.step.Hex) > 0 && resolves(e.Frame) && s.forLinkLocal()
}

// forLinkLocal reports a stimulus for a link-local address.
func (s situation) forLinkLocal() bool {
	_, dst, ok := addresses(s.stimulus())
	return ok && linkLocal6(dst)
}

func linkLocal6(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }

// routedElsewhere reports that the host has forwarded a packet that did not come to
// the wire, or found no route for one.
func (s situation) routedElsewhere() bool {
	ours, kernel := s.ours.Delta[scenario.Host], s.kernel.Delta[scenario.Host]
	for _, name := range []string{"Ip:ForwDatagrams", "IpExt:InNoRoutes", "Ip6OutForwDatagrams", "Ip6InNoRoutes"} {
		if ours[name] > kernel[name] {
			return true
		}
	}
	return false
}

// l3sFragments: a host that forwards fragments may cut them otherwise. In all they
// hold as much.
func l3sFragments(s situation, _ Side, e Entry) bool {
	if s.mode != "l3s" || e.Kind != Arrived || e.Port != scenario.Wire {
		return false
	}
	src, dst, ok := addresses(e.Frame)
	n := fragmented(s.kernel.Seen, src, dst)
	return ok && n > 0 && n == fragmented(s.ours.Seen, src, dst)
}

// fragmented is the length of the packet whose IPv4 fragments came to the wire from
// src to dst; 0 if none did.
func fragmented(seen []scenario.Frame, src, dst netip.Addr) (end int) {
	for _, f := range seen {
		e := wire.Ethernet(f.Hex)
		from, to, ok := addresses(e)
		if !ok || f.Port != scenario.Wire || f.Dir != scenario.In || from != src || to != dst || e.Type() != wire.TypeIPv4 {
			continue
		}
		if p, ok := wire.ParseIPv4(e.Payload(), len(e)-wire.EthernetLen); ok && p.Fragment() {
			end = max(end, p.FragmentOffset()+len(p.Payload()))
		}
	}
	return end
}

// refused reports that the host told a slave that this packet has no route, or
// sent it elsewhere.
func (s situation) refused(f wire.Ethernet) bool {
	_, dst, ok := addresses(f)
	return ok && s.routedElsewhere() || slices.ContainsFunc(s.ours.Seen, func(o scenario.Frame) bool {
		e := wire.Ethernet(o.Hex)
		if !isSlave(o.Port) || o.Dir != scenario.In || !icmpError(e, 3) {
			return false
		}
		const quoted = wire.IPv4Len + 8 + 16 // the destination of the packet that an error quotes
		p := e.Payload()
		return len(p) >= quoted+4 && netip.AddrFrom4([4]byte(p[quoted:quoted+4])) == dst
	})
}

// resolves reports a frame that asks for a neighbour or answers.
func resolves(f wire.Ethernet) bool {
	if f.Type() == wire.TypeARP || asks(f) {
		return true
	}
	p, ok := wire.ParseIPv6(f.Payload())
	return ok && f.Type() == wire.TypeIPv6 && p.Next() == wire.ProtoICMPv6 && len(p) > wire.IPv6Len && p[wire.IPv6Len] == wire.NDNeighborAdvert
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
