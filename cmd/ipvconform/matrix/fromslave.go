package matrix

import (
	"bytes"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// s0 adds a frame that slave s0 sends from a packet socket.
func (l *list) s0(id string, f []byte) { l.raw("s0.raw."+id, "s0", f) }

func (l *list) ipv4FromSlave() {
	to := func(id, dst, ip string) { l.s0("udp4."+id, udp4(dst, macM, s0v4, ip)) }
	to("s1.dmM", macM, s1v4)
	to("s1.dmW", macW, s1v4)
	to("host.dmM", macM, host4)
	to("host.dmW", macW, host4)
	to("out.dmW", macW, wire4)
	to("out.dmM", macM, wire4)
	to("self.dmM", macM, s0v4)
	l.s0("udp4.out.ttl1", odd4(macW, macM, frame.IPv4{Src: s0v4, Dst: wire4, TTL: 1}))
	l.s0("udp4.s1.ttl1", odd4(macM, macM, frame.IPv4{Src: s0v4, Dst: s1v4, TTL: 1}))
	to("offlink.dmW", macW, offLink4)
	to("noroute.dmW", macW, noRoute4)
	l.s0("spoofip.out", udp4(macW, macM, unknown4, wire4))
	l.s0("spoofip.s1", udp4(macM, macM, unknown4, s1v4))
	l.s0("spoofip-s1.out", udp4(macW, macM, s1v4, wire4))
	l.s0("spoofmac.out", udp4(macW, macX, s0v4, wire4))
	l.s0("spoofmac.s1", udp4(macM, macX, s0v4, s1v4))
}

func (l *list) groupsFromSlave() {
	l.s0("bc255", udp4(macAll, macM, s0v4, limited4))
	l.s0("mc-joined-s1", udp4(frame.GroupMAC(joined4s1), macM, s0v4, joined4s1))
	l.s0("mc-unjoined", udp4(frame.GroupMAC(unjoined4), macM, s0v4, unjoined4))
	for _, of := range []struct{ id, ip string }{{"s1", s1v4}, {"host", host4}, {"out", wire4}} {
		l.s0("arp-req."+of.id, arp(macAll, macM, 1, macM, s0v4, none, of.ip))
	}
}

func (l *list) othersFromSlave() {
	z := bytes.Repeat([]byte("z"), 46)
	l.s0("arp-rep.out", arp(macW, macM, 2, macM, s0v4, macW, wire4))
	l.s0("arp-rep.s1.dmM", arp(macM, macM, 2, macM, s0v4, macM, s1v4))
	l.s0("et88b5.dmM", frame.Ether(macM, macM, 0x88b5, z))
	l.s0("et88b5.dmW", frame.Ether(macW, macM, 0x88b5, z))
	l.s0("et88b5.bc", frame.Ether(macAll, macM, 0x88b5, z))
	l.s0("vlan5.out", frame.Tagged(udp4(macW, macM, s0v4, wire4), frame.TypeVLAN, 5))
	l.s0("vlan5.s1", frame.Tagged(udp4(macM, macM, s0v4, s1v4), frame.TypeVLAN, 5))
	l.s0("udp6.s1.dmM", udp6(macM, macM, s0v6, s1v6))
	l.s0("udp6.out.dmW", udp6(macW, macM, s0v6, wire6))
	group := frame.SolicitedNode(s1v6)
	l.s0("ns.s1", frame.Ether(frame.GroupMAC(group), macM, frame.TypeIPv6, frame.Solicit(s0v6, group, s1v6, macM)))
	l.s0("udp6.mc-unjoined", udp6(frame.GroupMAC(unjoined6), macM, s0v6, unjoined6))
	l.s0("trunc4", udp4(macM, macM, s0v4, s1v4)[:14+16])
	l.s0("runt", frame.Ether(macM, macM, frame.TypeIPv4))
}

func (l *list) datagrams4() {
	for _, to := range []struct{ id, dst string }{{"s1", s1v4}, {"host", host4}, {"out", wire4}, {"unknown", unknown4},
		{"offlink", offLink4}, {"noroute", noRoute4}, {"s2", s2v4}, {"bc255", limited4}, {"bcnet", subnet4},
		{"mc", joined4}, {"self", s0v4}} {
		l.stack("udp4."+to.id, "s0", scenario.Datagram{Dst: to.dst})
	}
	l.stack("udp4.out.ttl1", "s0", scenario.Datagram{Dst: wire4, TTL: 1})
	l.stack("udp4.s1.ttl1", "s0", scenario.Datagram{Dst: s1v4, TTL: 1})
	l.stack("udp4.spoof.out", "s0", scenario.Datagram{Dst: wire4, Src: unknown4})
	l.stack("udp4.spoof.s1", "s0", scenario.Datagram{Dst: s1v4, Src: unknown4})
	big := string(bytes.Repeat([]byte("q"), 3000))
	l.stack("udp4.big.out", "s0", scenario.Datagram{Dst: wire4, Data: big})
	l.stack("udp4.big.s1", "s0", scenario.Datagram{Dst: s1v4, Data: big})
}

func (l *list) datagrams6() {
	for _, to := range []struct{ id, dst string }{{"s1", s1v6}, {"host", host6}, {"out", wire6}, {"offlink", offLink6},
		{"mc", joined6}, {"allnodes", all6}} {
		l.stack("udp6."+to.id, "s0", scenario.Datagram{Dst: to.dst})
	}
	l.stack("udp4.s0", "s2", scenario.Datagram{Dst: s0v4})
	l.stack("udp4.out", "s2", scenario.Datagram{Dst: wire4})
}

func (l *list) fromHost() {
	for _, to := range []struct{ id, dst string }{{"s0", s0v4}, {"s1", s1v4}, {"out", wire4}, {"bcnet", subnet4}, {"mc", joined4}} {
		l.stack("udp4."+to.id, "host", scenario.Datagram{Dst: to.dst})
	}
	l.stack("udp6.s0", "host", scenario.Datagram{Dst: s0v6})
	l.raw("host.raw.udp4.s0.dmM", "host", udp4(macM, macM, host4, s0v4))
	l.raw("host.raw.bc255", "host", udp4(macAll, macM, host4, limited4))
	l.raw("host.raw.arp-req.s0", "host", arp(macAll, macM, 1, macM, host4, none, s0v4))
}
