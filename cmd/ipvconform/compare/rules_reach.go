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

// hostReach: host and slaves find each other and exchange packets, where the
// kernel's driver lets the host's leave on the wire.
func hostReach(s situation, side Side, e Entry) bool {
	if s.mode == "l3s" || s.flag == "vepa" {
		return false
	}
	if side == Kernel {
		return e.Kind == Arrived && e.Port == scenario.Wire && s.ofHostForSlave(e.Frame)
	}
	switch e.Kind {
	case Arrived, Sent:
		return isSlave(e.Port) && s.betweenThem(e.Frame)
	case Reached:
		return s.betweenThem(e.Frame) || s.mode == "l2" && s.tellsAll(e.Frame)
	case Socket:
		src, _ := netip.ParseAddr(e.Data.Src)
		dst, _ := netip.ParseAddr(e.Data.Dst)
		return s.atHost(src) && s.atSlave(dst) && isSlave(e.Port) || s.atSlave(src) && s.atHost(dst) && e.Port == scenario.Host
	}
	return false
}

// hostItself: a slave's packet that claims to be from the address of the host that
// it is for comes in at the host port, where the host refuses it as a martian
// (RFC 1812, section 5.3.8), and not at lo.
func hostItself(s situation, side Side, e Entry) bool {
	if s.mode != "l3" || s.flag == "vepa" || !isSlave(s.step.At) {
		return false
	}
	src, dst, _ := addresses(e.Frame)
	switch {
	case side == Kernel && e.Kind == Socket && e.Port == scenario.Host:
		src, _ = netip.ParseAddr(e.Data.Src)
		dst, _ = netip.ParseAddr(e.Data.Dst)
	case side == Kernel || e.Kind != Reached:
		return false
	}
	return s.atHost(src) && s.atHost(dst)
}

// narrowRoute gives a path another MTU than the link.
var narrowRoute = regexp.MustCompile(`\broute\s+(?:add|replace)\b.*\bmtu\s`)

// pathMTU: the host's errors reach slaves, whose stacks cut datagrams to the path's
// MTU then, in place of the host.
func pathMTU(s situation, _ Side, e Entry) bool {
	if s.mode != "l3" || s.flag == "vepa" || s.step.UDP == nil || !isSlave(s.step.At) || e.Kind != Arrived || e.Port != scenario.Wire {
		return false
	}
	p, ok := wire.ParseIPv4(e.Frame.Payload(), len(e.Frame)-wire.EthernetLen)
	return ok && e.Frame.Type() == wire.TypeIPv4 && p.Fragment() && slices.ContainsFunc(s.before, func(b scenario.Step) bool {
		return b.At == scenario.Host && narrowRoute.MatchString(b.Cmd)
	})
}

// ofHostForSlave reports a packet of the host's for a slave, or its question for
// one.
func (s situation) ofHostForSlave(f wire.Ethernet) bool {
	if asker, target, ok := neighbours(f); ok {
		return asks(f) && f.Src() == s.master() && s.atHost(asker) && s.atSlave(target)
	}
	src, dst, ok := addresses(f)
	return ok && s.atHost(src) && s.atSlave(dst)
}

// betweenThem reports a packet between host and slaves, or what one of them asks or
// tells the other about neighbours.
func (s situation) betweenThem(f wire.Ethernet) bool {
	if len(f) < wire.EthernetLen {
		return false
	}
	asker, target, ok := neighbours(f)
	if !ok {
		src, dst, ok := addresses(f)
		return ok && (s.atHost(src) && s.atSlave(dst) || s.atSlave(src) && s.atHost(dst))
	}
	// The tap of a slave does not show whose MAC address a frame of its own gets.
	if src := f.Src(); src != s.master() && src != (wire.MAC{}) {
		return false
	}
	if s.atHost(asker) && (s.atSlave(target) || target == asker) || s.atSlave(asker) && s.atHost(target) {
		return true
	}
	// A probe has no asker yet, and its answer is for all.
	noAsker := asker.IsUnspecified() || asker.IsMulticast()
	return noAsker && (s.atHost(target) || s.atSlave(target) && s.step.At == scenario.Host)
}

// tellsAll reports a slave's news of an address, to all stations, perhaps in answer
// to the wire; not the wire's own.
func (s situation) tellsAll(f wire.Ethernet) bool {
	if slices.ContainsFunc(s.sentByWire(), func(sent wire.Ethernet) bool { return bytes.Equal(sent, f) }) {
		return false
	}
	asker, target, ok := neighbours(f)
	return ok && f.Src() == s.master() && f.Group() && (asker.IsMulticast() || target == asker)
}

// neighbours are the addresses in ARP, the sender's and the target's, and in a
// neighbour solicitation or advertisement, its source and its target; of an
// advertisement the one that it is for and the target.
func neighbours(f wire.Ethernet) (asker, target netip.Addr, ok bool) {
	if len(f) < wire.EthernetLen {
		return asker, target, false
	}
	switch f.Type() {
	case wire.TypeARP:
		a, ok := wire.ParseARP(f.Payload())
		if !ok {
			return asker, target, false
		}
		asker, _ = netip.AddrFromSlice(a[14:18])
		target, _ = netip.AddrFromSlice(a[24:28])
		return asker, target, true
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(f.Payload())
		if !ok || p.Next() != wire.ProtoICMPv6 {
			return asker, target, false
		}
		m, ok := wire.ParseND(p.Payload())
		if !ok || m.Type() != wire.NDNeighborSolicit && m.Type() != wire.NDNeighborAdvert {
			return asker, target, false
		}
		from := p[8:24]
		if m.Type() == wire.NDNeighborAdvert {
			from = p[24:40]
		}
		asker, _ = netip.AddrFromSlice(from)
		target, _ = netip.AddrFromSlice(m[8:24])
		return asker, target, true
	}
	return asker, target, false
}

// l3Proxy: a question from the wire for a slave is answered, and reaches nobody.
func l3Proxy(s situation, side Side, e Entry) bool {
	if s.mode == "l2" {
		return false
	}
	if side == Ours {
		if e.Kind != Arrived || e.Port != scenario.Wire || asks(e.Frame) || e.Frame.Src() != s.master() {
			return false
		}
		return s.atSlave(answers(e.Frame))
	}
	_, target, ok := neighbours(e.Frame)
	if !ok || !s.atSlave(target) {
		return false
	}
	switch e.Kind {
	case Reached:
		return asks(e.Frame)
	case Arrived:
		return isSlave(e.Port) && asks(e.Frame)
	case Sent: // its own answer
		return isSlave(e.Port) && !asks(e.Frame)
	}
	return false
}

// answers is the address whose MAC an answer tells; none for other frames.
func answers(f wire.Ethernet) netip.Addr {
	asker, target, ok := neighbours(f)
	switch {
	case !ok:
		return netip.Addr{}
	case f.Type() == wire.TypeARP:
		return asker
	}
	return target
}

var tellsNeighbour = regexp.MustCompile(`\bneigh\s+(?:add|replace|change)\b`)

// l3ProxyReach: a router whose questions are answered sends what waits for a MAC
// with the kernel's driver, until somebody tells it, or for ever.
func l3ProxyReach(s situation, side Side, e Entry) bool {
	if s.mode == "l2" || s.step.Cmd == "" && s.step.UDP == nil {
		return false
	}
	if e.Kind == Fact {
		addr, _, _ := strings.Cut(e.Field.Value, " ")
		a, err := netip.ParseAddr(addr)
		return err == nil && e.Port == scenario.Wire && e.Field.Name == fieldNeigh && s.atSlave(a)
	}
	if e.Kind != Arrived && e.Kind != Sent && e.Kind != Reached || side == Kernel && !s.says(tellsNeighbour) {
		return false
	}
	src, dst, ok := addresses(e.Frame)
	return ok && (s.atSlave(src) && s.elsewhere(dst) || s.elsewhere(src) && s.atSlave(dst))
}

var addsAddr = regexp.MustCompile(`\baddr\s+(?:add|replace|change)\s+(\S+)`)

// atSlave reports an address that a slave has, or was given by a command.
func (s situation) atSlave(a netip.Addr) bool {
	return s.slave(a) || slices.ContainsFunc(append(s.before[:len(s.before):len(s.before)], s.step), func(b scenario.Step) bool {
		if !isSlave(b.At) {
			return false
		}
		for _, m := range addsAddr.FindAllStringSubmatch(b.Cmd, -1) {
			if text, _, _ := strings.Cut(m[1], "/"); text == a.String() {
				return true
			}
		}
		return false
	})
}

// atHost reports an address of the host's, its link-local one among them.
func (s situation) atHost(a netip.Addr) bool {
	m := s.master()
	own := netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
	return s.ofHost(a) || s.scenario.LinkLocal && a == own
}

// elsewhere reports an address that neither the host nor a slave has.
func (s situation) elsewhere(a netip.Addr) bool { return !s.atHost(a) && !s.atSlave(a) }
