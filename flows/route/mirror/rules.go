package mirror

import (
	"cmp"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
)

// Attributes and actions of rules (linux/fib_rules.h), which package unix lacks.
const (
	fraDst                  = 1
	fraSrc                  = 2
	fraIIF                  = 3
	fraGoto                 = 4
	fraPriority             = 6
	fraFwmark               = 10
	fraFlow                 = 11
	fraTunID                = 12
	fraSuppressGroup        = 13
	fraSuppressLen          = 14
	fraTable                = 15
	fraFwmask               = 16
	fraOIF                  = 17
	fraPad                  = 18
	fraL3MDev               = 19
	fraUIDRange             = 20
	fraProtocol             = 21
	fraIPProto              = 22
	fraSourcePorts          = 23
	fraDestPorts            = 24
	fraDSCP                 = 25
	sizeofRuleHdr           = 12
	ruleInvert              = 2
	frActToTable            = 1
	frActGoto               = 2
	frActNop                = 3
	frActBlackhole          = 6
	frActUnreachable        = 7
	frActProhibit           = 8
	unset            uint32 = 0xffffffff
)

// kernelRule is a rule as a message has it.
type kernelRule struct {
	route.Rule
	family     uint8
	action     uint8
	iif, oif   string
	mark, mask uint32
	l3mdev     bool
	never      bool   // a selector that no packet of a slave matches
	body       string // the message, to know the rule again
}

// parseRule reads an RTM_NEWRULE or RTM_DELRULE.
func parseRule(b []byte) (r kernelRule, ok bool) {
	if len(b) < sizeofRuleHdr || b[0] != unix.AF_INET && b[0] != unix.AF_INET6 {
		return r, false
	}
	r.family, r.TOS, r.Table, r.action, r.body = b[0], b[3], uint32(b[4]), b[7], string(b)
	r.Not, r.mask = u32(b[8:])&ruleInvert != 0, unset
	src, dst := unspecified(r.family), unspecified(r.family)
	for kind, v := range attrs(b[sizeofRuleHdr:]) {
		switch kind {
		case fraDst:
			dst = address(v)
		case fraSrc:
			src = address(v)
		case fraIIF:
			r.iif = text(v)
		case fraOIF:
			r.oif = text(v)
		case fraGoto:
			r.Target = u32(v)
		case fraPriority:
			r.Priority = u32(v)
		case fraTable:
			r.Table = u32(v)
		case fraFwmark:
			r.mark = u32(v)
		case fraFwmask:
			r.mask = u32(v)
		default:
			r.selector(kind, v)
		}
	}
	var okFrom, okTo bool
	r.From, okFrom = prefix(src, b[2], r.family)
	r.To, okTo = prefix(dst, b[1], r.family)
	r.act()
	return r, okFrom && okTo
}

// prefix is one of a rule; invalid, and ok, for all addresses.
func prefix(a netip.Addr, bits, family uint8) (p netip.Prefix, ok bool) {
	if !a.IsValid() || a.Is4() != (family == unix.AF_INET) || int(bits) > a.BitLen() {
		return p, false
	}
	if bits == 0 {
		return p, true
	}
	return netip.PrefixFrom(a, int(bits)).Masked(), true
}

// selector takes an attribute that is rare. What a slave's packet is looked up by
// has no ports, no mark and no tunnel, and is root's; of IPv4 it has no protocol
// either (drivers/net/ipvlan/ipvlan_core.c, ipvlan_process_v4_outbound).
func (r *kernelRule) selector(kind uint16, v []byte) {
	switch kind {
	case fraFlow, fraPad, fraProtocol:
	case fraSuppressGroup, fraSuppressLen:
		r.Odd = r.Odd || u32(v) != unset
	case fraTunID:
		r.never = true
	case fraL3MDev:
		r.l3mdev = len(v) > 0 && v[0] != 0
	case fraUIDRange:
		r.never = r.never || u32(v) != 0
	case fraIPProto:
		if len(v) > 0 && r.family == unix.AF_INET6 {
			r.Proto = v[0]
		} else {
			r.never = true
		}
	case fraSourcePorts, fraDestPorts:
		r.never = true
	case fraDSCP:
		if len(v) > 0 {
			r.TOS = v[0] << 2
		}
	default:
		r.Odd = true
	}
}

func (r *kernelRule) act() {
	switch r.action {
	case frActToTable:
		r.Action = route.Lookup
	case frActGoto:
		r.Action = route.GoTo
	case frActNop:
		r.Action = route.Nothing
	case frActBlackhole:
		r.Action, r.Refusal = route.Refuse, route.Blackhole
	case frActUnreachable:
		r.Action, r.Refusal = route.Refuse, route.Unreachable
	case frActProhibit:
		r.Action, r.Refusal = route.Refuse, route.Prohibit
	default:
		r.Odd = true
	}
}

// rule gives k as the FIB takes it; false when it selects no packet that leaves by
// the device.
func (m *Mirror) rule(k kernelRule) (r route.Rule, ok bool) {
	r = k.Rule
	matches := !k.never && (k.iif == "" || k.iif == "lo") && k.mark&k.mask == 0
	switch {
	case k.oif == "" || k.oif == m.device.name:
	case m.device.vrf != 0 && k.oif == m.vrfs[m.device.vrf].name:
		r.Odd = true // newer kernels take it for the VRF's ports as well
	default:
		matches = false
	}
	if k.l3mdev {
		matches = matches && m.device.vrf != 0
		r.Table = m.vrfs[m.device.vrf].table
	}
	if !matches && k.Not { // the rest of it does not matter
		r.From, r.To, r.TOS, r.Proto, r.Not = netip.Prefix{}, netip.Prefix{}, 0, 0, false
		return r, true
	}
	return r, matches
}

// policy gives the rules in use. In a VRF a packet without a route is refused
// (net/ipv4/route.c, ip_route_output_key_hash_rcu).
func (m *Mirror) policy() (p route.Policy) {
	p.OnLink = m.cfg.OnLink && m.device.vrf == 0
	for _, k := range m.rules {
		r, ok := m.rule(k)
		switch {
		case !ok:
		case k.family == unix.AF_INET:
			p.Rules4 = append(p.Rules4, r)
		default:
			p.Rules6 = append(p.Rules6, r)
		}
	}
	return p
}

// insertRule keeps the rules by priority; a new one stands behind its equals
// (net/core/fib_rules.c, fib_nl_newrule).
func (m *Mirror) insertRule(r kernelRule) {
	i, _ := slices.BinarySearchFunc(m.rules, r.Priority, func(o kernelRule, p uint32) int {
		return cmp.Or(cmp.Compare(o.Priority, p), -1)
	})
	m.rules = slices.Insert(m.rules, i, r)
}

// ruleChanged takes a notification.
func (m *Mirror) ruleChanged(msg message) {
	r, ok := parseRule(msg.body)
	if !ok {
		return
	}
	if msg.kind == unix.RTM_DELRULE {
		i := slices.IndexFunc(m.rules, func(o kernelRule) bool { return o.body == r.body })
		if i < 0 {
			m.again = true
			return
		}
		m.rules = slices.Delete(m.rules, i, i+1)
	} else {
		m.insertRule(r)
	}
	m.fib.SetPolicy(m.policy())
}
