package compare

import (
	"net/netip"
	"regexp"
	"slices"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// What stacks do at a time of their own is left out where it may be under way.
const (
	// dadSteps is how many steps after a command duplicate address detection may
	// begin: a stack waits for a random time of up to a second (RFC 4862, section
	// 5.4.2).
	dadSteps = 5
	// carrierSteps is how many steps after a change of the wire's link the kernel
	// may tell the carrier of before: it tells changes once a second
	// (net/core/link_watch.c).
	carrierSteps = 2
)

var (
	changesLink = regexp.MustCompile(`\blink\s+set\b.*\b(?:up|down)\b`)
	sleeps      = regexp.MustCompile(`\bsleep\s+[1-9]`)
	forwards    = regexp.MustCompile(`\bforwarding\b|\bip_forward\b`)
)

// timely are the entries that do not depend on when a stack found the time.
func (s situation) timely(all []Entry) []Entry {
	// A host that routes sends redirects, the fewer the faster it has cause to
	// (net/ipv4/route.c, ip_rt_send_redirect).
	routes := slices.ContainsFunc(s.scenario.Setup, func(c scenario.Command) bool { return forwards.MatchString(c.Cmd) })
	var dad, carrier bool
	recent := append(slices.Clone(s.before), s.step)
	for i, step := range recent {
		age := len(recent) - 1 - i
		routes = routes || forwards.MatchString(step.Cmd)
		dad = dad || age <= dadSteps && step.Cmd != ""
		carrier = carrier || age <= carrierSteps && step.At == scenario.Wire && changesLink.MatchString(step.Cmd)
	}
	if sleeps.MatchString(s.step.Cmd) {
		carrier = false
	}
	return slices.DeleteFunc(all, func(e Entry) bool {
		switch e.Kind {
		case Arrived, Reached, Sent:
			return dad && detectsDuplicates(e.Frame) && !s.solicits() || routes && e.Port == scenario.Wire && icmpError(e.Frame, 5)
		case Fact:
			return carrier && (e.Field.Name == fieldState || e.Field.Name == fieldFlag && (e.Field.Value == "LOWER_UP" || e.Field.Value == "NO-CARRIER"))
		}
		return false
	})
}

// solicits reports that the step itself sends what looks like duplicate address
// detection.
func (s situation) solicits() bool {
	return slices.ContainsFunc(s.step.Hex, func(h scenario.Hex) bool {
		return len(h) >= wire.EthernetLen && detectsDuplicates(wire.Ethernet(h))
	})
}

// detectsDuplicates reports a neighbour solicitation without a source.
func detectsDuplicates(f wire.Ethernet) bool {
	src, _, ok := addresses(f)
	return ok && src == netip.IPv6Unspecified() && asks(f)
}
