package matrix

import (
	"bytes"

	"ipvd/cmd/ipvconform/frame"
)

func (l *list) arpFromWire() {
	request := func(id, dst, target string) {
		l.wire("arp-req."+id, arp(dst, macW, 1, macW, wire4, none, target))
	}
	request("s0.bc", macAll, s0v4)
	request("s1.bc", macAll, s1v4)
	request("host.bc", macAll, host4)
	request("unknown.bc", macAll, unknown4)
	request("s0.uc", macM, s0v4)
	request("host.uc", macM, host4)
	request("unknown.uc", macM, unknown4)
	reply := func(id, target string) { l.wire("arp-rep."+id, arp(macM, macW, 2, macW, wire4, macM, target)) }
	reply("s0", s0v4)
	reply("host", host4)
	reply("unknown", unknown4)
	l.wire("garp.req.bc", arp(macAll, macW, 1, macW, wire4, none, wire4))
	l.wire("arp-probe.s0", arp(macAll, macW, 1, macW, "0.0.0.0", none, s0v4))
	l.wire("rarp", frame.Ether(macAll, macW, frame.TypeRARP, frame.ARP(3, macW, wire4, none, wire4)))
}

func (l *list) ipv4FromWire() {
	to := func(id, dst, ip string) { l.wire("udp4."+id, udp4(dst, macW, wire4, ip)) }
	to("s0", macM, s0v4)
	to("s1", macM, s1v4)
	to("s2", macM, s2v4)
	to("host", macM, host4)
	to("unknown", macM, unknown4)
	to("s0.wrongmac", macX, s0v4)
	to("s0.bcmac", macAll, s0v4)
	to("s0.mcmac", frame.GroupMAC(joined4), s0v4)
	to("bc255", macAll, limited4)
	to("bcnet", macAll, subnet4)
	to("bc255.ucmac", macM, limited4)
	to("bcnet.ucmac", macM, subnet4)
	to("mc-joined-s0", frame.GroupMAC(joined4), joined4)
	to("mc-unjoined", frame.GroupMAC(unjoined4), unjoined4)
	to("mc224.0.0.1", frame.GroupMAC(all4), all4)
	to("mc-joined.ucmac", macM, joined4)
	l.ping4FromWire()
	l.wire("tcpsyn.s0", frame.Ether(macM, macW, frame.TypeIPv4,
		frame.IPv4{Src: wire4, Dst: s0v4, Proto: 6}.Packet(frame.SYN(wire4, s0v4, 999, 80))))
	l.wire("udp4.s0.closedport", frame.Ether(macM, macW, frame.TypeIPv4,
		frame.IPv4{Src: wire4, Dst: s0v4, Proto: 17}.Packet(frame.UDP(wire4, s0v4, client, 1234, []byte("x")))))
	l.wire("udp4.s0.from-offlink", udp4(macM, macW, offLink4, s0v4))
}

func (l *list) ping4FromWire() {
	ping := func(id string, seq byte, h frame.IPv4) {
		h.Src, h.Proto = wire4, 1
		l.wire("ping4."+id, frame.Ether(macM, macW, frame.TypeIPv4,
			h.Packet(frame.ICMP(8, 0, append([]byte{0, 1, 0, seq}, "abcdefgh"...)))))
	}
	ping("s0", 1, frame.IPv4{Dst: s0v4})
	ping("host", 1, frame.IPv4{Dst: host4})
	ping("s0.ttl1", 2, frame.IPv4{Dst: s0v4, TTL: 1})
	ping("s0.ttl0", 3, frame.IPv4{Dst: s0v4, NoTTL: true})
}

func (l *list) oddIPv4FromWire() {
	toS0 := frame.IPv4{Src: wire4, Dst: s0v4}
	big := frame.UDP(wire4, s0v4, client, service, bytes.Repeat([]byte("y"), 64))
	fragment := func(id, frag uint16, payload []byte) []byte {
		h := frame.IPv4{Src: wire4, Dst: s0v4, Proto: 17, ID: id, Frag: frag}
		return frame.Ether(macM, macW, frame.TypeIPv4, h.Packet(payload))
	}
	l.wire("frag4.s0", fragment(9, 0x2000, big[:40]), fragment(9, 5, big[40:]))
	l.wire("frag4.s0.second-only", fragment(10, 5, big[40:]))
	odd := func(id string, change func(h *frame.IPv4)) []byte {
		h := toS0
		change(&h)
		f := odd4(macM, macW, h)
		l.wire(id, f)
		return f
	}
	odd("opts4.s0", func(h *frame.IPv4) { h.Options = []byte{0x94, 4, 0, 0} }) // router alert
	odd("badcsum4.s0", func(h *frame.IPv4) { h.BadSum = true })
	odd("badihl4.s0", func(h *frame.IPv4) { h.IHL = 4 })
	odd("longtot4.s0", func(h *frame.IPv4) { h.Total = 900 })
	whole := odd4(macM, macW, toS0)
	l.wire("trunc4.s0", whole[:14+16])
	version6 := bytes.Clone(whole)
	version6[14] = 0x65
	l.wire("badver4.s0", version6)
	l.wire("pad4.s0", append(bytes.Clone(whole), make([]byte, 17)...))
	lost := frame.IPv4{Src: s0v4, Dst: wire4, Proto: 17}.Packet(frame.UDP(s0v4, wire4, client, service, []byte("x")))
	l.wire("icmp-unreach.s0", frame.Ether(macM, macW, frame.TypeIPv4,
		frame.IPv4{Src: wire4, Dst: s0v4, Proto: 1}.Packet(frame.ICMP(3, 3, append(make([]byte, 4), lost...)))))
}

func (l *list) tagsFromWire() {
	toS0, forS0 := udp4(macM, macW, wire4, s0v4), arp(macAll, macW, 1, macW, wire4, none, s0v4)
	l.wire("vlan5.s0", frame.Tagged(toS0, frame.TypeVLAN, 5))
	l.wire("vlan0.s0", frame.Tagged(toS0, frame.TypeVLAN, 5<<13))
	l.wire("vlan5.bc-arp", frame.Tagged(forS0, frame.TypeVLAN, 5))
	l.wire("vlan0.bc-arp", frame.Tagged(forS0, frame.TypeVLAN, 0))
	l.wire("qinq.s0", frame.Tagged(frame.Tagged(toS0, frame.TypeVLAN, 7), frame.TypeQinQ, 5))
}

func (l *list) dhcpFromWire() {
	bootp := append([]byte{1, 1, 6, 0, 1, 2, 3, 4}, make([]byte, 228)...)
	bootp = append(bootp, 0x63, 0x82, 0x53, 0x63, 0x35, 1, 1, 0xff) // RFC 2131: cookie, DISCOVER, end
	offer := append([]byte{2}, bootp[1:]...)
	send := func(id, dst, from, to string, sport, dport uint16, data []byte) {
		l.wire("dhcp."+id, frame.Ether(dst, macW, frame.TypeIPv4,
			frame.IPv4{Src: from, Dst: to, Proto: 17}.Packet(frame.UDP(from, to, sport, dport, data))))
	}
	send("discover", macAll, "0.0.0.0", limited4, 68, 67, bootp)
	send("offer.bc", macAll, wire4, limited4, 67, 68, offer)
	send("offer.uc", macM, wire4, "10.0.0.77", 67, 68, offer)
}

func (l *list) spoofedFromWire() {
	l.wire("spoof.s0-to-s1", udp4(macM, macW, s0v4, s1v4))
	l.wire("spoof.srcM.s0-to-s1", udp4(macM, macM, s0v4, s1v4))
	l.wire("spoof.srcM.bc", udp4(macAll, macM, s0v4, limited4))
	l.wire("srcM.foreign.bc", udp4(macAll, macM, unknown4, limited4))
	l.wire("spoof.srcW.slaveip.bc", udp4(macAll, macW, s0v4, limited4))
}

func (l *list) otherFromWire() {
	z := bytes.Repeat([]byte("z"), 46)
	l.wire("et88b5.uc", frame.Ether(macM, macW, 0x88b5, z))
	l.wire("et88b5.bc", frame.Ether(macAll, macW, 0x88b5, z))
	l.wire("lldp", frame.Ether("01:80:c2:00:00:0e", macW, 0x88cc, make([]byte, 46)))
	l.wire("stp", frame.Ether("01:80:c2:00:00:00", macW, 38, append([]byte{0x42, 0x42, 3}, make([]byte, 35)...)))
	l.wire("et88b5.mc-unjoined", frame.Ether(frame.GroupMAC(unjoined4), macW, 0x88b5, z))
	l.wire("et88b5.wrongmac", frame.Ether(macX, macW, 0x88b5, z))
}
