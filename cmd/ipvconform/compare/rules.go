package compare

import (
	"bytes"
	"net"
	"net/netip"
	"regexp"
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
	before   []scenario.Step // the steps before
	state                    // after the step
	defaults bool            // ipvd ran without --compat kernel
	parted   *parted         // what the defaults have made different, after the step
	kernel   *scenario.Outcome
	ours     *scenario.Outcome
	found    []Finding // in the step, of frames and datagrams, and explained
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
		{"multicast-filter", false, multicastSocket},
		{"foreign-mac", true, foreignMAC},
		{"source-mac", true, sourceMAC},
		{"tagged", false, tagged},
		{"priority-tag", false, priorityTag},
		{"truncated", false, truncated},
		{"malformed", false, malformed},
		{"odd-source", false, oddSource},
		{"padding", false, padding},
		{"link-local", false, linkLocal},
		{"link-local", false, linkLocalFact},
		{"link-local", false, linkLocalAsks},
		{"address-conflict", false, addressConflict},
		{"slave-mac", false, slaveMAC},
		{"upper", false, upper},
		{"mtu-limit", false, largestMTU},
		{"mtu-ipv6", false, mtu6},
		{"tap-device", false, devID},
		{"noarp-early", false, noARPEarly},
		{"second-master", false, secondMaster},
		{"l3-no-route", true, l3NoRoute},
		{"l3-errors", true, l3Errors},
		{"l3-path", true, l3Path},
		{"forward", false, forward},
		{"forward", false, rejoined},
		{"hop-limit", false, hopLimit},
		{"forward", false, filtered},
		{"l3s-fragments", false, l3sFragments},
		{"host-reach", true, hostReach},
		{"host-reach", true, hostItself},
		{"host-reach", true, hostReachFrame},
		{"host-reach", true, pathMTU},
		{"l3-proxy", true, l3Proxy},
		{"l3-proxy", true, l3ProxyReach},
		{"l3-proxy", true, l3ProxyFrame},
		{"address-conflict", true, twinAddress},
		{"peer-address", true, peerAddress},
		{"slave-mac", true, keptMAC},
		{"mode-change", true, modeChange},
		{"l3s-host-reach", false, l3sHostReach},
		{"l3s-host-reach", false, l3sRoutes},
		{"l3s-host-address", false, l3sHostAddress},
		{"l3s-refused", false, l3sLinkLocal},
		{"l3s-vepa", false, l3sVEPA},
		{"l3s-tap", false, l3sTap},
		{"l3s-group-mac", false, l3sGroupMAC},
		{"l3s-refused", false, l3sMartian},
		{"l3s-route", false, l3sRoute},
		{"l3s-forwarded", false, l3sSentOn},
		{"l3s-ttl", false, l3sTTL},
		{"l3s-vrf", false, l3sVRF},
		{"l3s-refused", false, l3sRefused},
		{"l3s-options", false, l3sOptions},
		{"l3s-forwarded", false, l3sForwarded},
		{"l3s-vepa", false, l3sVEPALeaves},
	}
}

// explain gives the id of the difference that explains an entry.
func (s situation) explain(side Side, e Entry) string {
	for _, r := range rules() {
		if (s.defaults || !r.defaults) && r.explains(s, side, e) {
			return r.id
		}
	}
	return s.consequence(side, e)
}

// consequence gives the id of the difference that explains other entries of the
// step, when this is what follows from them.
func (s situation) consequence(side Side, e Entry) string {
	for _, f := range s.found {
		if c, ok := consequences()[f.ID]; ok && s.turned(e, side, c) {
			return f.ID
		}
	}
	return s.countedAfter(e)
}

// consequences are what the differences that let packets through, or do not, make
// of a command's success: true when it succeeds here alone.
func consequences() map[string]bool {
	return map[string]bool{"host-reach": true, "l3-proxy": true, "l3s-host-reach": true, "l3s-vepa": true, "l3s-route": false, "l3s-forwarded": false, "l3s-ttl": false, "l3s-group-mac": false}
}

// turned reports an entry of a command that succeeds on one side alone, or of what
// ping told of it.
func (s situation) turned(e Entry, side Side, here bool) bool {
	if s.kernel.RC == nil || s.ours.RC == nil || (*s.kernel.RC == 0) == here || (*s.ours.RC == 0) != here {
		return false
	}
	return e.Kind == Status || e.Kind == Fact && e.Field.Name == fieldPing
}

// IDs are the ids of all differences that rules know.
func IDs() (ids []string) {
	for _, r := range rules() {
		ids = append(ids, r.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
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

var setsMaster = regexp.MustCompile(`\blink\s+set\s+(?:dev\s+)?eth0\s+address\s+(\S+)`)

// masterNow is the MAC that commands have given the master.
func (s situation) masterNow() wire.MAC {
	m := s.master()
	for _, b := range s.before {
		if set := setsMaster.FindStringSubmatch(b.Cmd); set != nil && b.At == scenario.Host {
			if a, err := net.ParseMAC(set[1]); err == nil && len(a) == len(m) {
				copy(m[:], a)
			}
		}
	}
	return m
}

// sendError: the kernel's driver tells the sender what became of the frame: of
// IPv6 in l3 and l3s also that the host has no route (ipvlan_core.c,
// ipvlan_process_v6_outbound).
func sendError(s situation, side Side, e Entry) bool {
	if side != Kernel || e.Kind != Failed {
		return false
	}
	return e.Text == "No buffer space available" || e.Text == "Network is unreachable" && s.mode != "l2" && s.sendsIPv6()
}

// sendsIPv6 reports a stimulus in IPv6.
func (s situation) sendsIPv6() bool {
	if s.step.UDP != nil {
		return strings.Contains(s.step.UDP.Dst, ":")
	}
	f := s.stimulus()
	return f != nil && f.Type() == wire.TypeIPv6
}

func multicastFilter(s situation, side Side, e Entry) bool {
	return s.mode == "l2" && e.Kind == Arrived && isSlave(e.Port) && e.Frame.Group() &&
		e.Frame.Dst() != wire.Broadcast() && !s.member(e.Port, e.Frame.Dst()) && ipGroup(e.Frame.Dst()) == (side == Ours)
}

// multicastSocket: a packet for all in a group's frame, which the filter lets pass,
// reaches sockets.
func multicastSocket(s situation, side Side, e Entry) bool {
	return side == Ours && e.Kind == Socket && slices.ContainsFunc(s.found, func(f Finding) bool {
		src, dst, ok := addresses(f.Entry.Frame)
		return ok && f.ID == "multicast-filter" && f.Side == Ours && f.Entry.Port == e.Port && src.String() == e.Data.Src && dst.String() == e.Data.Dst
	})
}

// ipGroup reports the MAC address of an IP multicast group.
func ipGroup(m wire.MAC) bool {
	return m[0] == 1 && m[1] == 0 && m[2] == 0x5e && m[3] < 0x80 || m[0] == 0x33 && m[1] == 0x33
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
	return f != nil && s.step.At == scenario.Wire && s.mode != "l3s" && side == Kernel && !f.Group() && f.Dst() != s.masterNow() &&
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

// linkLocalAsks: a stack that has neither the source of a packet nor a link-local
// address has nothing to ask for a neighbour with, and sends nothing (RFC 4861,
// section 7.2.2).
func linkLocalAsks(s situation, side Side, e Entry) bool {
	d := s.step.UDP
	if s.scenario.LinkLocal || s.mode != "l2" || side != Ours || d == nil || !strings.Contains(d.Src, ":") || !isSlave(s.step.At) {
		return false
	}
	return (e.Kind == Arrived || e.Kind == Sent || e.Kind == Reached) && len(s.kernel.Seen) == 0
}
