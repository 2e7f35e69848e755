package mirror

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
)

const (
	rtmCloned    = 0x200 // rtm_flags: an entry of IPv6's cache
	sizeofRtnext = 8
	rtaxMTU      = 2
	rtaNhID      = 30
)

// kernelRoute is a route as a message has it.
type kernelRoute struct {
	family, tos uint8
	typ         uint8
	flags       uint32
	table       uint32
	dst         netip.Prefix
	bySource    bool // IPv6: it is for some sources only
	priority    uint32
	mtu         uint32
	hop         hop
	hops        []hop // in place of hop when there are several
	nexthop     uint32
}

// parseRoute reads an RTM_NEWROUTE or RTM_DELROUTE.
func parseRoute(b []byte) (r kernelRoute, ok bool) {
	if len(b) < unix.SizeofRtMsg {
		return r, false
	}
	bits := int(b[1])
	r.family, r.tos, r.table, r.typ = b[0], b[3], uint32(b[4]), b[7]
	r.bySource = b[2] != 0 && r.family == unix.AF_INET6
	r.flags = u32(b[8:])
	r.hop.flags, r.hop.weight = r.flags, 1
	if r.family != unix.AF_INET && r.family != unix.AF_INET6 || r.flags&rtmCloned != 0 {
		return r, false
	}
	dst := unspecified(r.family)
	for kind, v := range attrs(b[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_DST:
			dst = address(v)
		case unix.RTA_OIF:
			r.hop.index = u32(v)
		case unix.RTA_GATEWAY:
			r.hop.via = address(v)
		case unix.RTA_VIA:
			r.hop.via = viaOf(v)
		case unix.RTA_PRIORITY:
			r.priority = u32(v)
		case unix.RTA_TABLE:
			r.table = u32(v)
		case unix.RTA_METRICS:
			r.mtu = mtuOf(v)
		case unix.RTA_MULTIPATH:
			r.hops = hopsIn(v)
		case unix.RTA_ENCAP_TYPE:
			r.hop.encap = len(v) >= 2 && (v[0] != 0 || v[1] != 0)
		case rtaNhID:
			r.nexthop = u32(v)
		}
	}
	if !dst.IsValid() || dst.Is4() != (r.family == unix.AF_INET) || bits > dst.BitLen() {
		return r, false
	}
	r.dst = netip.PrefixFrom(dst, bits).Masked()
	return r, true
}

// viaOf reads a gateway of any family (struct rtvia).
func viaOf(b []byte) netip.Addr {
	if len(b) < 2 {
		return netip.Addr{}
	}
	return address(b[2:])
}

func mtuOf(b []byte) (mtu uint32) {
	for kind, v := range attrs(b) {
		if kind == rtaxMTU {
			mtu = u32(v)
		}
	}
	return mtu
}

// hopsIn reads the next hops of RTA_MULTIPATH (struct rtnexthop).
func hopsIn(b []byte) (hops []hop) {
	for len(b) >= sizeofRtnext {
		n := int(b[0]) | int(b[1])<<8
		if n < sizeofRtnext || n > len(b) {
			return hops
		}
		h := hop{flags: uint32(b[2]), weight: 1 + uint32(b[3]), index: u32(b[4:])}
		for kind, v := range attrs(b[sizeofRtnext:n]) {
			switch kind {
			case unix.RTA_GATEWAY:
				h.via = address(v)
			case unix.RTA_VIA:
				h.via = viaOf(v)
			case unix.RTA_ENCAP_TYPE:
				h.encap = true
			}
		}
		hops = append(hops, h)
		b = b[min(len(b), (n+3)&^3):]
	}
	return hops
}

// convert gives the route as the FIB takes it. gone says that it is being removed:
// the state of its next hops does not count.
func (m *Mirror) convert(k *kernelRoute, gone bool) route.Route {
	r := route.Route{Table: k.table, Dst: k.dst, TOS: k.tos, Priority: k.priority}
	if k.family == unix.AF_INET6 {
		r.TOS = 0
	}
	switch k.typ {
	case unix.RTN_BLACKHOLE:
		r.Spec.Kind = route.Blackhole
		return r
	case unix.RTN_UNREACHABLE:
		r.Spec.Kind = route.Unreachable
		return r
	case unix.RTN_PROHIBIT:
		r.Spec.Kind = route.Prohibit
		return r
	case unix.RTN_THROW:
		r.Spec.Kind = route.Throw
		return r
	}
	hops, ok := k.hops, true
	if k.nexthop != 0 {
		var blackhole bool
		if hops, blackhole, ok = m.hopsOf(k.nexthop); blackhole {
			r.Spec.Kind = route.Blackhole
			return r
		}
	} else if len(hops) == 0 {
		hops = []hop{k.hop}
	}
	if !ok {
		r.Spec.Kind = route.Host
		return r
	}
	m.takeHops(&r, k, hops, gone)
	return r
}

// takeHops gives r the next hops that leave by the device.
func (m *Mirror) takeHops(r *route.Route, k *kernelRoute, hops []hop, gone bool) {
	ours := slices.DeleteFunc(slices.Clone(hops), func(h hop) bool {
		return h.index != m.index || h.flags&dead != 0 && !gone
	})
	encap := slices.ContainsFunc(ours, func(h hop) bool { return h.encap })
	switch mixed := k.family == unix.AF_INET6 && len(ours) < len(hops); {
	case len(ours) == 0:
		r.Elsewhere = true
	case k.typ != unix.RTN_UNICAST || k.bySource || mixed || encap:
		r.Spec.Kind = route.Host
	case len(ours) == 1:
		r.Spec.MTU, r.Spec.Via = k.mtu, ours[0].via
	default:
		r.Spec.MTU = k.mtu
		for _, h := range ours {
			r.Spec.Paths = append(r.Spec.Paths, route.Path{Via: h.via, Weight: h.weight})
		}
		if k.family == unix.AF_INET6 { // whose order is not always the same
			slices.SortFunc(r.Spec.Paths, func(a, b route.Path) int { return a.Via.Compare(b.Via) })
		}
	}
}
