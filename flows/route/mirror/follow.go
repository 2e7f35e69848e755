package mirror

import (
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
)

// routeChanged takes a notification of a route.
func (m *Mirror) routeChanged(msg message) {
	k, ok := parseRoute(msg.body)
	if !ok {
		return
	}
	gone := msg.kind == unix.RTM_DELROUTE
	r := m.convert(&k, gone)
	switch {
	case k.family == unix.AF_INET && gone:
		m.remove4(r)
	case k.family == unix.AF_INET:
		m.add4(r, how(msg.flags))
	case gone:
		m.remove6(r, &k)
	default:
		m.add6(r, how(msg.flags), &k)
	}
}

// how is the place that a new route takes, by the flags of its notification
// (net/ipv4/fib_trie.c, fib_table_insert).
func how(flags uint16) route.How {
	switch {
	case flags&unix.NLM_F_REPLACE != 0:
		return route.Replace
	case flags&unix.NLM_F_APPEND != 0:
		return route.Last
	}
	return route.First
}

// equals are the known routes that r stands beside: of its prefix, traffic class
// and priority.
func (m *Mirror) equals(r route.Route) []route.Route {
	return slices.DeleteFunc(m.fib.At(r.Table, r.Dst), func(o route.Route) bool { return o.TOS != r.TOS || o.Priority != r.Priority })
}

// add4 takes a new route. One that is known came while everything was read.
func (m *Mirror) add4(r route.Route, h route.How) {
	if h == route.Replace || !slices.ContainsFunc(m.equals(r), func(o route.Route) bool { return alike(o, r) }) {
		m.fib.Add(r, h)
	}
}

// alike reports routes that say the same, or both leave elsewhere.
func alike(a, b route.Route) bool {
	return a.Elsewhere == b.Elsewhere && (a.Elsewhere || a.Spec.Equal(b.Spec))
}

func (m *Mirror) remove4(r route.Route) {
	n := len(m.equals(r))
	if m.fib.Remove(r) {
		m.again = m.again || r.Elsewhere && n > 2 // which one it was is not sure
	} else {
		m.again = m.again || n > 0
	}
}

// add6 takes a new route. The notification of one with several next hops names all
// of them (net/ipv6/route.c, rt6_fill_node).
func (m *Mirror) add6(r route.Route, h route.How, k *kernelRoute) {
	equals := m.equals(r)
	if len(equals) > 1 || len(equals) == 1 && h != route.Replace && equals[0].Spec.MTU != r.Spec.MTU {
		m.again = true // each next hop has an MTU of its own, and the message one of them
		return
	}
	if len(equals) == 1 && (h == route.Replace || len(k.hops) > 0) {
		m.fib.Remove(equals[0])
	}
	m.fib.Add(r, route.Last)
}

// remove6 takes a route away, or one of its next hops.
func (m *Mirror) remove6(r route.Route, k *kernelRoute) {
	if m.fib.Remove(r) {
		return
	}
	equals := m.equals(r)
	if len(equals) == 0 {
		return
	}
	o := equals[0]
	i := slices.IndexFunc(o.Spec.Paths, func(p route.Path) bool { return p.Via == k.hop.via })
	if len(equals) > 1 || i < 0 || len(k.hops) > 0 || o.Spec.MTU != 0 {
		m.again = true
		return
	}
	m.fib.Remove(o)
	o.Spec.Paths = slices.Delete(slices.Clone(o.Spec.Paths), i, i+1)
	if len(o.Spec.Paths) == 1 {
		o.Spec.Via, o.Spec.Paths = o.Spec.Paths[0].Via, nil
	}
	m.fib.Add(o, route.Last)
}
