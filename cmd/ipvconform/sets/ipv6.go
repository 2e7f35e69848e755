package sets

import (
	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// ipv6 has stations with link-local addresses, which ipvlan makes of the one MAC
// and the slave's id, and no neighbours that were told.
func ipv6() (all []scenario.Scenario) {
	for _, mode := range modes() {
		all = append(all, neighbours6(mode), advertised6(mode))
	}
	return all
}

// Link-local addresses of the slaves by ipvlan's formula, in order of creation, the
// host's, and the wire's.
const (
	s0ll, s1ll = "fe80::200:0:100:1", "fe80::200:0:200:1"
	hostll     = "fe80::ff:fe00:1"
	wirell     = "fe80::ff:fe00:fe"
)

func lab6(name, mode string) scenario.Scenario {
	s := scenario.Scenario{Name: name + "-" + mode, Mode: mode, LinkLocal: true,
		Master: scenario.Station{MAC: macM, Addrs: []string{host6 + "/64"}, Routes: []string{"default via " + wire6}},
		Wire:   scenario.Station{MAC: macW, Addrs: []string{wire6 + "/64"}}}
	for i, a := range []string{s0v6, s1v6} {
		name := []string{"s0", "s1"}[i]
		route := "default via " + wire6
		if mode != "l2" {
			route = "::/0 dev " + name
		}
		s.Slaves = append(s.Slaves, scenario.Slave{Name: name, Station: scenario.Station{Addrs: []string{a + "/64"}, Routes: []string{route}}})
	}
	s.Slaves[0].Join = []string{"ff02::1234", "ff05::2"}
	return s
}

// solicit is a neighbour solicitation of the wire.
func solicit(target string) []byte {
	group := frame.SolicitedNode(target)
	return frame.Ether(frame.GroupMAC(group), macW, frame.TypeIPv6, frame.Solicit(wire6, group, target, macW))
}

// detect is a frame of duplicate address detection.
func detect(src, target string) []byte {
	group := frame.SolicitedNode(target)
	return frame.Ether(frame.GroupMAC(group), src, frame.TypeIPv6, frame.Solicit("::", group, target, ""))
}

// neighbours6 is about who asks, who answers, and who takes a doubled address.
func neighbours6(mode string) scenario.Scenario {
	s := lab6("neighbours6", mode)
	var l list
	l.cmd("s0", "ip -6 -br addr show s0")
	l.cmd("s1", "ip -6 -br addr show s1")
	for _, dst := range []string{s1v6, wire6, host6, "fd00::99", "2001:db8::5", s1ll, wirell, hostll, "ff02::1", "ff02::1234", "ff05::2"} {
		l.to("s0", dst)
	}
	for _, target := range []string{s0v6, s1v6, host6, s0ll, s1ll, "fd00::99"} {
		l.wire("who is "+target, solicit(target))
		l.wire("is "+target+" free", detect(macW, target))
	}
	l.raw("s0 asks whether s1's address is free", "s0", detect(macM, s1v6))
	l.raw("s0 asks whether nobody's address is free", "s0", detect(macM, "fd00::98"))
	for _, dst := range []string{s0v6, s0ll, hostll} {
		l.wire("to "+dst, udp6(macM, macW, wire6, dst))
	}
	l.wire("to a group of s0's", udp6(frame.GroupMAC("ff02::1234"), macW, wirell, "ff02::1234"))
	l.cmd("s0", "sysctl -w net.ipv6.conf.s0.accept_dad=1 net.ipv6.conf.s0.dad_transmits=1")
	l.cmd("s0", "ip addr add fd00::55/64 dev s0")
	l.cmd("s1", "ip addr add fd00::55/64 dev s1")
	l.cmd("s0", "sh -c 'sleep 2; ip -6 -br addr show s0'")
	l.cmd("s1", "ip -6 -br addr show s1")
	l.probe6("fd00::55")
	l.cmd("s1", "ip addr add fe80::200:0:100:1/64 dev s1")
	l.cmd("s0", "ping -6 -c 2 -i 0.2 -W 1 "+s1v6)
	l.cmd("s0", "ping -6 -c 2 -i 0.2 -W 1 "+wire6)
	s.Steps = l
	return s
}

// advertised6 is about router advertisements, and addresses made of them.
func advertised6(mode string) scenario.Scenario {
	s := lab6("advertised6", mode)
	s.Slaves[0].Routes, s.Slaves[1].Routes = nil, nil
	s.Sysctl = map[string]scenario.Text{}
	for key, value := range map[string]scenario.Text{"accept_ra": "2", "autoconf": "1", "router_solicitations": "1", "router_solicitation_delay": "0"} {
		s.Sysctl["s0/net.ipv6.conf.default."+key] = value
	}
	prefix := []byte{3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x07, 0x08, 0, 0, 0, 0, 0xfd, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	router := []byte{1, 1, 2, 0, 0, 0, 0, 0xfe}
	ra := frame.Ether(frame.GroupMAC("ff02::1"), macW, frame.TypeIPv6, frame.IPv6(wirell, "ff02::1", 58, 255,
		frame.ICMPv6(wirell, "ff02::1", 134, []byte{0x40, 0, 7, 8}, make([]byte, 8), router, prefix)))
	var l list
	l.wire("a router advertises fd00:5::/64", ra)
	l.cmd("s0", "ip -6 -br addr show s0")
	l.cmd("s1", "ip -6 -br addr show s1")
	l.wire("to the address that s0 made", udp6(macM, macW, wire6, "fd00:5::200:0:100:1"))
	l.to("s0", "2001:db8::7")
	l.cmd("s0", "ip -6 route show default")
	s.Steps = l
	return s
}
