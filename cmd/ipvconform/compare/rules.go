package compare

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// situation is where an entry was found.
type situation struct {
	scenario *scenario.Scenario
	step     scenario.Step
	mode     string
	defaults bool // ipvd ran without --compat kernel
}

// rule is a listed difference, by its id in ipvlan.Differences, and the entries
// that it explains.
type rule struct {
	id       string
	defaults bool // with --compat kernel it explains nothing
	explains func(s situation, side Side, e Entry) bool
}

// rules are tried in this order.
func rules() []rule {
	return []rule{
		{"send-error", false, sendError},
		{"multicast-filter", false, multicastFilter},
		{"foreign-mac", true, foreignMAC},
		{"source-mac", true, sourceMAC},
		{"tagged", false, tagged},
		{"priority-tag", false, priorityTag},
		{"truncated", false, truncated},
		{"malformed", false, malformed},
		{"odd-source", false, oddSource},
		{"padding", false, padding},
		{"link-local", false, linkLocal},
		{"l3s-host-reach", false, l3sHostReach},
		{"l3s-vepa", false, l3sVEPA},
		{"l3s-tap", false, l3sTap},
		{"l3s-group-mac", false, l3sGroupMAC},
		{"l3s-route", false, l3sRoute},
		{"l3s-ttl", false, l3sTTL},
		{"l3s-vrf", false, l3sVRF},
		{"l3s-refused", false, l3sRefused},
		{"l3s-options", false, l3sOptions},
		{"l3s-forwarded", false, l3sForwarded},
		{"hop-limit", false, hopLimit},
	}
}

// explain gives the id of the difference that explains an entry.
func (s situation) explain(side Side, e Entry) string {
	for _, r := range rules() {
		if (s.defaults || !r.defaults) && r.explains(s, side, e) {
			return r.id
		}
	}
	return ""
}

// IDs are the ids of all differences that rules know.
func IDs() (ids []string) {
	for _, r := range rules() {
		ids = append(ids, r.id)
	}
	return ids
}

func isSlave(port string) bool { return port != scenario.Wire && port != scenario.Host }

// stimulus is the frame that the step sent, if it is one.
func (s situation) stimulus() wire.Ethernet {
	if len(s.step.Hex) == 0 || len(s.step.Hex[0]) < wire.EthernetLen {
		return nil
	}
	return wire.Ethernet(s.step.Hex[0])
}

// master is the master's MAC.
func (s situation) master() (m wire.MAC) {
	if a, err := net.ParseMAC(s.scenario.Master.MAC); err == nil && len(a) == len(m) {
		copy(m[:], a)
	}
	return m
}

func sendError(_ situation, side Side, e Entry) bool {
	return side == Kernel && e.Kind == Failed && e.Text == "No buffer space available"
}

func multicastFilter(s situation, _ Side, e Entry) bool {
	return s.mode == "l2" && e.Kind == Arrived && isSlave(e.Port) && e.Frame.Group() &&
		e.Frame.Dst() != wire.Broadcast() && !s.member(e.Port, e.Frame.Dst())
}

// member reports that a slave listens to a group.
func (s situation) member(port string, group wire.MAC) bool {
	groups := []string{"224.0.0.1", "ff02::1"}
	for _, slave := range s.scenario.Slaves {
		if slave.Name != port {
			continue
		}
		groups = append(groups, slave.Join...)
		for _, a := range slave.Addrs {
			if p, err := netip.ParsePrefix(a); err == nil && p.Addr().Is6() {
				groups = append(groups, frame.SolicitedNode(p.Addr().String()))
			}
		}
	}
	return slices.ContainsFunc(groups, func(g string) bool { return frame.GroupMAC(g) == net.HardwareAddr(group[:]).String() })
}

func foreignMAC(s situation, side Side, e Entry) bool {
	f := s.stimulus()
	return f != nil && s.step.At == scenario.Wire && s.mode != "l3s" && side == Kernel && !f.Group() && f.Dst() != s.master() &&
		(e.Kind == Arrived && isSlave(e.Port) || e.Kind == Reached)
}

// sourceMAC: with the master's MAC as source, a slave's frame leaves with it, or
// turns out to be for a sibling.
func sourceMAC(s situation, side Side, e Entry) bool {
	f := s.stimulus()
	if f == nil || !isSlave(s.step.At) || f.Src() == s.master() {
		return false
	}
	if side == Kernel {
		return e.Kind == Arrived && e.Frame.Src() == f.Src()
	}
	return e.Kind == Arrived && e.Frame.Src() == s.master() || e.Kind == Socket && isSlave(e.Port)
}

// vlan is the id of the stimulus' VLAN, of either kind of tag.
func (s situation) vlan() (id uint16, ok bool) {
	v, ok := wire.ParseVLAN(s.stimulus())
	if !ok {
		return 0, false
	}
	return v.ID(), true
}

func tagged(s situation, side Side, e Entry) bool {
	id, ok := s.vlan()
	return ok && id != 0 && s.mode != "l3s" && (side == Kernel && e.Kind == Arrived && isSlave(e.Port) && e.TCI&0xfff == int(id) ||
		side == Ours && e.Kind == Reached)
}

// priorityTag: the slave's tap shows the frame without the tag, and another tag
// behind it as if it were the only one.
func priorityTag(s situation, side Side, e Entry) bool {
	id, ok := s.vlan()
	if !ok || id != 0 || s.mode == "l3s" || e.Kind != Arrived || !isSlave(e.Port) {
		return false
	}
	once := untagged(s.stimulus())
	if bytes.Equal(e.Frame.Payload(), once.Payload()) {
		return side == Kernel && e.TCI >= 0 || side == Ours && e.TCI < 0
	}
	inner, ok := wire.ParseVLAN(once)
	return ok && side == Ours && e.TCI == int(inner.TCI()) && bytes.Equal(e.Frame.Payload(), untagged(once).Payload())
}

// untagged is a frame as entries show it, without its tag.
func untagged(f wire.Ethernet) wire.Ethernet {
	if _, ok := wire.ParseVLAN(f); !ok {
		return steady(f)
	}
	return steady(append(bytes.Clone(f[:12]), f[12+wire.VLANLen:]...))
}

// linkLocal: what a stack sends to a group of its link comes from a link-local
// address if there is one.
func linkLocal(s situation, side Side, e Entry) bool {
	if s.scenario.LinkLocal || s.step.UDP == nil || !strings.HasPrefix(s.step.UDP.Dst, "ff02:") {
		return false
	}
	var src netip.Addr
	switch e.Kind {
	case Socket:
		src, _ = netip.ParseAddr(e.Data.Src)
	case Arrived:
		if p, ok := wire.ParseIPv6(e.Frame.Payload()); ok && e.Frame.Type() == wire.TypeIPv6 {
			src, _ = netip.AddrFromSlice(p[8:24])
		}
	}
	return src.Is6() && src.IsLinkLocalUnicast() == (side == Ours)
}
