package compare

import (
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// What differs in l3 where ipvd routes by a copy of the host's routes.

// l3NoRoute: the kernel's driver has the host ask on the wire for what has no route.
func l3NoRoute(s situation, side Side, e Entry) bool {
	if s.pingsAfar(side, e) {
		return true
	}
	_, dst, ok := s.sent()
	if s.mode != "l3" || !ok || !dst.Is4() || side != Kernel || e.Kind != Arrived || e.Port != scenario.Wire {
		return false
	}
	return askedFor(e.Frame) == dst && !s.onLink(dst)
}

// pingsAfar reports what a slave's ping of an address without a route brings about
// between the wire and the host, or what it does in ipvd when it is made again, with
// a route by then: its neighbour was never asked for.
func (s situation) pingsAfar(side Side, e Entry) bool {
	words := strings.Fields(s.step.Cmd)
	if s.mode != "l3" || !isSlave(s.step.At) || len(words) < 2 || words[0] != "ping" {
		return false
	}
	dst, err := netip.ParseAddr(words[len(words)-1])
	if err != nil || !dst.Is4() || s.onLink(dst) || !concerns(e.Frame, dst) {
		return false
	}
	again := slices.ContainsFunc(s.before, func(b scenario.Step) bool { return b.At == s.step.At && b.Cmd == s.step.Cmd })
	if side == Kernel {
		return !again
	}
	return again && e.Frame.Type() == wire.TypeARP
}

// concerns reports an ARP or IPv4 packet that is from or to a, or about it.
func concerns(f wire.Ethernet, a netip.Addr) bool {
	b := a.As4()
	n := binary.BigEndian.Uint32(b[:])
	if len(f) < wire.EthernetLen {
		return false // an entry of another kind
	}
	switch f.Type() {
	case wire.TypeARP:
		p, ok := wire.ParseARP(f.Payload())
		return ok && (p.SenderIP() == n || p.TargetIP() == n)
	case wire.TypeIPv4:
		p, ok := wire.ParseIPv4(f.Payload(), len(f)-wire.EthernetLen)
		return ok && (p.Src() == n || p.Dst() == n)
	}
	return false
}

// l3Errors: the slave is told what becomes of its packets, and makes them shorter
// from then on. The host's kernel sends the error to the wire, where it asks for
// the slave.
func l3Errors(s situation, side Side, e Entry) bool {
	src, dst, ok := s.sent()
	if s.mode != "l3" || !ok || e.Kind != Arrived {
		return false
	}
	switch {
	case side == Ours && e.Port == s.step.At:
		return isError(e.Frame, src)
	case side == Kernel && e.Port == scenario.Wire && askedFor(e.Frame) == src:
		return true
	}
	p, ok := wire.ParseIPv4(e.Frame.Payload(), len(e.Frame)-wire.EthernetLen)
	return ok && e.Port == scenario.Wire && e.Frame.Type() == wire.TypeIPv4 && p.Fragment() && slices.ContainsFunc(s.before, func(b scenario.Step) bool {
		return b.UDP != nil && b.At == s.step.At && b.UDP.Dst == dst.String()
	})
}

// l3Path: no chain of the host's netfilter sees what a slave sends, nor counts it.
func l3Path(s situation, side Side, e Entry) bool {
	if s.mode != "l3" {
		return false
	}
	if e.Kind == Counted {
		return side == Kernel && e.Port == scenario.Host &&
			(e.Text == conntracked || strings.HasSuffix(e.Text, ".OUTPUT") || strings.HasSuffix(e.Text, ".POSTROUTING"))
	}
	filtered := slices.ContainsFunc(s.before, func(b scenario.Step) bool { return b.At == scenario.Host && s.mayFilter(b.Cmd) }) ||
		slices.ContainsFunc(s.scenario.Setup, func(c scenario.Command) bool { return c.At == scenario.Host && s.mayFilter(c.Cmd) })
	return filtered && (e.Kind == Arrived && e.Port == scenario.Wire && isSlave(s.step.At) || e.Kind == Socket && e.Port == scenario.Host)
}

var (
	anyRule   = regexp.MustCompile(`(?:^|\s|\\n)(?:-[AIP]\s|:\w+\s+DROP)`)
	ofSources = regexp.MustCompile(`(?:^|\s|\\n)-[AI]\s+\S+\s+-s\s+(\S+)`)
)

// mayFilter reports that a command sets rules of netfilter that may see the step's
// packet: all, unless each rule names its source first and there is no policy.
func (s situation) mayFilter(cmd string) bool {
	if !strings.Contains(cmd, "tables") {
		return false
	}
	src, _, ok := s.sent()
	if f := s.stimulus(); f != nil {
		src, _, ok = addresses(f) // also of what is not right in all
	}
	named := ofSources.FindAllStringSubmatch(cmd, -1)
	if !ok || len(named) == 0 || len(named) != len(anyRule.FindAllString(cmd, -1)) {
		return true
	}
	return slices.ContainsFunc(named, func(m []string) bool {
		if p, err := netip.ParsePrefix(m[1]); err == nil {
			return p.Contains(src)
		}
		return m[1] == src.String()
	})
}

// sent are the addresses of what a slave sent in the step.
func (s situation) sent() (src, dst netip.Addr, ok bool) {
	if !isSlave(s.step.At) {
		return src, dst, false
	}
	if s.step.UDP == nil {
		return s.ends()
	}
	dst, err := netip.ParseAddr(s.step.UDP.Dst)
	if err != nil {
		return src, dst, false
	}
	for _, slave := range s.scenario.Slaves {
		if slave.Name != s.step.At {
			continue
		}
		for _, a := range append([]string{s.step.UDP.Src}, slave.Addrs...) {
			text, _, _ := strings.Cut(firstWord(a), "/")
			if src, err := netip.ParseAddr(text); err == nil && src.Is4() == dst.Is4() {
				return src, dst, true
			}
		}
	}
	return src, dst, false
}

// onLink reports an address of a subnet of the master.
func (s situation) onLink(a netip.Addr) bool {
	return slices.ContainsFunc(s.scenario.Master.Addrs, func(text string) bool {
		p, err := netip.ParsePrefix(firstWord(text))
		return err == nil && p.Contains(a)
	})
}

// askedFor is the address that a frame asks for; zero for another frame.
func askedFor(f wire.Ethernet) (a netip.Addr) {
	if !asks(f) {
		return a
	}
	b := f.Payload()
	if f.Type() == wire.TypeARP {
		a, _ = netip.AddrFromSlice(b[24:28])
	} else if len(b) >= wire.IPv6Len+wire.NSLen {
		a, _ = netip.AddrFromSlice(b[wire.IPv6Len+8 : wire.IPv6Len+24])
	}
	return a
}

// isError reports an ICMP error to a.
func isError(f wire.Ethernet, a netip.Addr) bool {
	switch f.Type() {
	case wire.TypeIPv4:
		p, ok := wire.ParseIPv4(f.Payload(), len(f)-wire.EthernetLen)
		return ok && p.Proto() == wire.ProtoICMP && len(p.Payload()) >= wire.ICMPLen && p.Payload()[0] == wire.ICMPUnreachable && a.Is4() && [4]byte(p[16:20]) == a.As4()
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(f.Payload())
		return ok && p.Next() == wire.ProtoICMPv6 && len(p.Payload()) >= wire.ICMPLen && p.Payload()[0] < 128 && [16]byte(p[24:40]) == a.As16()
	}
	return false
}
