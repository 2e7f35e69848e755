package matrix

import "ipvd/cmd/ipvconform/frame"

func (l *list) ipv6FromWire() {
	l.wire("udp6.s0", udp6(macM, macW, wire6, s0v6))
	l.wire("udp6.host", udp6(macM, macW, wire6, host6))
	l.wire("udp6.unknown", udp6(macM, macW, wire6, unknown6))
	l.wire("ping6.s0", frame.Ether(macM, macW, frame.TypeIPv6,
		frame.IPv6(wire6, s0v6, 58, 64, frame.ICMPv6(wire6, s0v6, 128, []byte{0, 1, 0, 1}, []byte("abcd")))))
	l.discoveryFromWire()
	l.wire("udp6.mc-joined-s0", udp6(frame.GroupMAC(joined6), macW, wire6, joined6))
	l.wire("udp6.mc-unjoined", udp6(frame.GroupMAC(unjoined6), macW, wire6, unjoined6))
	alert := []byte{17, 0, 1, 4, 0, 0, 0, 0} // hop-by-hop options, padding only
	l.wire("hbh6.s0", frame.Ether(macM, macW, frame.TypeIPv6,
		frame.IPv6(wire6, s0v6, 0, 64, append(alert, frame.UDP(wire6, s0v6, client, service, []byte("x"))...))))
	l.wire("trunc6.s0", udp6(macM, macW, wire6, s0v6)[:40])
}

func (l *list) discoveryFromWire() {
	v6 := func(id, dst string, packet []byte) { l.wire(id, frame.Ether(dst, macW, frame.TypeIPv6, packet)) }
	ns := func(id, target string) {
		group := frame.SolicitedNode(target)
		v6("ns."+id, frame.GroupMAC(group), frame.Solicit(wire6, group, target, macW))
	}
	ns("s0", s0v6)
	ns("s1", s1v6)
	ns("host", host6)
	ns("unknown", unknown6)
	v6("ns.s0.uc", macM, frame.Solicit(wire6, s0v6, s0v6, macW))
	v6("ns.s0.uc-to-host", macM, frame.Solicit(wire6, host6, s0v6, macW))
	group := frame.SolicitedNode(s0v6)
	v6("ns.dad.s0", frame.GroupMAC(group), frame.Solicit("::", group, s0v6, ""))
	v6("na.s0.uc", macM, frame.Advertise(wire6, s0v6, wire6, macW, 0x60))
	v6("na.allnodes", frame.GroupMAC(all6), frame.Advertise(wire6, all6, wire6, macW, 0x20))
	v6("ra", frame.GroupMAC(all6), frame.IPv6(router6, all6, 58, 255,
		frame.ICMPv6(router6, all6, 134, []byte{0x40, 0, 7, 8}, make([]byte, 8))))
	v6("rs", frame.GroupMAC(routers6), frame.IPv6(router6, routers6, 58, 255,
		frame.ICMPv6(router6, routers6, 133, make([]byte, 4))))
}
