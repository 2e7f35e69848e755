package sets

import (
	"fmt"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// odd are labs unlike the matrix's.
func odd() []scenario.Scenario {
	all := []scenario.Scenario{many("l2"), many("l3"), hostRoutes("l2"), hostRoutes("l3"), hostRoutes("l3s"), onlyIPv6("l2", "private"), onlyIPv6("l3", "vepa"),
		groups("l2", "private"), groups("l3", "bridge"), reflected("l2"), reflected("l3"), shells(), moves("l2"), moves("l3"), leases()}
	for seed, mode := range modes() {
		for _, flag := range []string{"bridge", "private", "vepa"} {
			all = append(all, drawn(mode, flag, uint64(seed)))
		}
	}
	return all
}

// Addresses of these labs.
const (
	oddM = "06:aa:bb:cc:dd:ee"
	oddW = "0a:11:22:33:44:55"
)

// oddLab has n slaves with a subnet of its own, whose router is the wire.
func oddLab(name, mode, flag string, n int) scenario.Scenario {
	s := scenario.Scenario{Name: name + "-" + mode + "-" + flag, Mode: mode, Flag: flag,
		Master: scenario.Station{MAC: oddM, Addrs: []string{"172.20.1.1/16"}, Neigh: map[string]string{"172.20.9.9": oddW}, Routes: []string{"default via 172.20.9.9"}},
		Wire:   scenario.Station{MAC: oddW}}
	for i := range n {
		name := fmt.Sprintf("web-%d.x", i)
		k := scenario.Slave{Name: name, Station: scenario.Station{Addrs: []string{fmt.Sprintf("172.20.2.%d/16", i+1)}, Routes: []string{"default dev " + name}}}
		if mode == "l2" {
			k.Routes = []string{"default via 172.20.9.9"}
			k.Neigh = map[string]string{"172.20.9.9": oddW}
		}
		s.Slaves = append(s.Slaves, k)
	}
	return s
}

// many is a dozen slaves.
func many(mode string) scenario.Scenario {
	s := oddLab("many", mode, "bridge", 12)
	var l list
	l.wire("a broadcast for all", udp4(macAll, oddW, "172.20.9.9", "172.20.255.255"))
	l.wire("who has the eighth", arp(macAll, oddW, 1, oddW, "172.20.9.9", noMAC, "172.20.2.8"))
	for _, to := range []int{1, 6, 12, 13} {
		l.wire(fmt.Sprintf("to the %dth", to), udp4(oddM, oddW, "172.20.9.9", fmt.Sprintf("172.20.2.%d", to)))
	}
	l.to("web-0.x", "172.20.2.12")
	l.to("web-11.x", "172.20.2.1")
	l.to("web-5.x", "172.20.9.9")
	l.raw("a broadcast of the third", "web-2.x", udp4(macAll, oddM, "172.20.2.3", "255.255.255.255"))
	l.cmd("web-3.x", "ip addr add 172.20.2.5/16 dev web-3.x")
	l.cmd("web-4.x", "ip -br link show web-4.x; ip -br addr show web-4.x")
	s.Steps = l
	return s
}

// hostRoutes has slaves with /32 and a /31, in foreign networks.
func hostRoutes(mode string) scenario.Scenario {
	s := oddLab("hostroutes", mode, "bridge", 3)
	for i, a := range []string{"192.0.2.33/32", "198.51.100.2/31", "172.20.2.3/32"} {
		name := s.Slaves[i].Name
		s.Slaves[i].Addrs = []string{a}
		if mode == "l2" {
			s.Slaves[i].Routes = []string{"172.20.9.9 dev " + name, "default via 172.20.9.9"}
		}
	}
	s.Master.Routes = append(s.Master.Routes, "192.0.2.0/24 dev eth0")
	var l list
	for _, dst := range []string{"192.0.2.33", "198.51.100.2", "198.51.100.3", "172.20.2.3"} {
		l.wire("to "+dst, udp4(oddM, oddW, "172.20.9.9", dst))
		l.to("web-0.x", dst)
	}
	l.wire("echo to the first", echo4(oddM, oddW, "8.8.8.8", "192.0.2.33"))
	l.to("web-1.x", "203.0.113.1")
	l.to("web-1.x", "198.51.100.3")
	l.cmd("web-2.x", "ip route show default")
	l.cmd("web-2.x", "ip addr add 172.20.2.77/32 dev web-2.x; ip addr del 172.20.2.3/32 dev web-2.x; ip -br addr show dev web-2.x")
	l.wire("to the address that came", udp4(oddM, oddW, "172.20.9.9", "172.20.2.77"))
	l.wire("to the address that went", udp4(oddM, oddW, "172.20.9.9", "172.20.2.3"))
	s.Steps = l
	return s
}

// onlyIPv6 has no IPv4 address anywhere.
func onlyIPv6(mode, flag string) scenario.Scenario {
	s := oddLab("onlyipv6", mode, flag, 3)
	s.Master = scenario.Station{MAC: oddM, Addrs: []string{"2001:db8:1::1/64"}, Routes: []string{"default via 2001:db8:1::9"}}
	s.Wire = scenario.Station{MAC: oddW, Addrs: []string{"2001:db8:1::9/64"}}
	for i := range s.Slaves {
		k := &s.Slaves[i]
		k.Addrs, k.Neigh = []string{fmt.Sprintf("2001:db8:1::a%d/64", i)}, nil
		k.Routes = []string{"default via 2001:db8:1::9"}
		if mode != "l2" {
			k.Routes = []string{"::/0 dev " + k.Name}
		}
	}
	var l list
	for _, dst := range []string{"2001:db8:1::a1", "2001:db8:1::9", "2001:db8:1::1", "2001:db8:2::2", "2001:db8:1::dead"} {
		l.to("web-0.x", dst)
		l.wire("to "+dst, udp6(oddM, oddW, "2001:db8:1::9", dst))
	}
	l.udp("one hop only", "web-0.x", scenario.Datagram{Dst: "2001:db8:1::9", TTL: 1})
	l.udp("another's source", "web-0.x", scenario.Datagram{Dst: "2001:db8:1::9", Src: "2001:db8:1::77"})
	l.cmd("web-1.x", "ip -6 addr add 2001:db8:1::a0/64 dev web-1.x nodad")
	l.cmd("web-1.x", "ping -6 -c 1 -W 1 2001:db8:1::a2")
	s.Steps = l
	return s
}

// groups is about who has joined what.
func groups(mode, flag string) scenario.Scenario {
	s := oddLab("groups", mode, flag, 4)
	s.Slaves[0].Join = []string{"239.1.2.3", "224.0.0.251"}
	s.Slaves[1].Join = []string{"239.1.2.3"}
	s.Slaves[2].Join = []string{"ff15::7", "239.129.2.3"}
	var l list
	for _, g := range []string{"239.1.2.3", "224.0.0.251", "239.129.2.3", "224.0.0.1", "239.5.5.5"} {
		l.wire("to "+g, udp4(frame.GroupMAC(g), oddW, "172.20.9.9", g))
		l.raw("the fourth to "+g, "web-3.x", udp4(frame.GroupMAC(g), oddM, "172.20.2.4", g))
	}
	l.to("web-3.x", "239.1.2.3")
	l.wire("to ff15::7", udp6(frame.GroupMAC("ff15::7"), oddW, "fe80::9", "ff15::7"))
	l.wire("a group's MAC, a slave's address", udp4(frame.GroupMAC("239.1.2.3"), oddW, "172.20.9.9", "172.20.2.1"))
	s.Steps = l
	return s
}

// reflected is about a switch that sends frames back to where they came from.
func reflected(mode string) scenario.Scenario {
	s := oddLab("reflected", mode, "vepa", 3)
	var l list
	l.raw("the first to the second", "web-0.x", udp4(oddM, oddM, "172.20.2.1", "172.20.2.2"))
	l.wire("and back", udp4(oddM, oddM, "172.20.2.1", "172.20.2.2"))
	l.wire("a broadcast of the first, back", udp4(macAll, oddM, "172.20.2.1", "255.255.255.255"))
	l.wire("an ARP request of the first, back", arp(macAll, oddM, 1, oddM, "172.20.2.1", noMAC, "172.20.2.2"))
	l.wire("an ARP request of nobody with our MAC", arp(macAll, oddM, 1, oddM, "172.20.2.99", noMAC, "172.20.2.2"))
	l.cmd("host", "ip -d link show eth0 | grep -c ipvlan")
	l.cmd("web-0.x", "ip -j -d link show web-0.x")
	s.Steps = l
	return s
}

// shells writes commands as people do.
func shells() scenario.Scenario {
	s := oddLab("shells", "l3", "bridge", 2)
	var l list
	l.cmd("host", "ip link add link eth0 dev a0 type ipvlan mode l3 bridge && ip -d link show a0 | grep -o 'ipvlan *mode l3 bridge'")
	l.cmd("host", "ip l add name a1 link eth0 mtu 1400 type ipvlan mode l2; ip l s a1 up; ip -o l show a1")
	l.cmd("host", `sh -c 'for i in 2 3; do ip link add link eth0 name a$i type ipvlan mode l3s private || exit 1; done; ip -br l show type ipvlan | wc -l'`)
	l.cmd("web-0.x", "ip -d -o link show dev web-0.x | tr '\\\\' '\\n'")
	l.cmd("host", "ip -n $(ip netns identify) link set a2 type ipvlan mode l3 vepa; ip -d link show a2")
	l.cmd("host", "ip netns exec $(ip netns identify) ip link set dev a2 up; ip -br addr show a2")
	l.cmd("host", "printf 'link set a1 down\\nlink del a1\\nlink add link eth0 name a5 type ipvlan mode l3\\n' | ip -batch -; ip -br link show a5")
	l.cmd("host", "ip link add link eth0 name a6 type ipvlan mode; echo $?")
	l.cmd("host", "ip link del a5 && ip link show a5")
	l.cmd("host", "ip link add link a0 name a7 up type ipvlan mode l3; ip link show a7")
	l.cmd("host", "for i in 0 2 3 7; do ip link delete dev a$i; done; ip -d link show type ipvlan | wc -l")
	l.cmd("web-1.x", "ip -d link show web-1.x")
	l.cmd("web-1.x", "ip -j -d addr show dev web-1.x")
	s.Steps = l
	return s
}

// moves is about slaves that change their names and namespaces, and come back.
func moves(mode string) scenario.Scenario {
	s := oddLab("moves", mode, "bridge", 2)
	probe := func(l *list) {
		id := "to the first's address"
		l.wire(id+l.mark(id), udp4(oddM, oddW, "172.20.9.9", "172.20.2.1"))
	}
	var l list
	probe(&l)
	l.cmd("web-0.x", "ip link set web-0.x down; ip link set web-0.x name eth7; ip link set eth7 up; ip -br addr show eth7")
	probe(&l)
	l.cmd("web-0.x", "ip link set eth7 netns $(ip netns identify | sed s/web-0/web-1/); ip link show eth7")
	probe(&l)
	l.cmd("web-1.x", "ip link set eth7 up; ip addr add 172.20.2.1/32 dev eth7; ip -br link show eth7")
	probe(&l)
	l.cmd("web-1.x", "ip link set eth7 netns $(ip netns identify | sed s/web-1/web-0/) name web-0.x")
	l.cmd("web-0.x", "ip link set web-0.x up; ip addr add 172.20.2.1/16 dev web-0.x; ip -br addr show web-0.x")
	probe(&l)
	l.to("web-1.x", "172.20.2.1")
	l.cmd("web-1.x", "ip link del web-1.x")
	l.cmd("host", "ip link add link eth0 name web-1.x netns $(ip netns identify | sed s/host/web-1.x/) type ipvlan mode "+mode)
	l.cmd("web-1.x", "ip link set web-1.x up; ip addr add 172.20.2.2/16 dev web-1.x")
	l.to("web-0.x", "172.20.2.2")
	l.wire("to the second's address", udp4(oddM, oddW, "172.20.9.9", "172.20.2.2"))
	s.Steps = l
	return s
}

// leases is what DHCP does: a slave without an address asks, is offered one, and
// takes it.
func leases() scenario.Scenario {
	s := oddLab("leases", "l2", "bridge", 2)
	s.Slaves[0].Addrs, s.Slaves[0].Routes, s.Slaves[0].Neigh = nil, nil, nil
	message := func(dst, src, from, to string, sport, dport uint16) []byte {
		return frame.Ether(dst, src, frame.TypeIPv4, frame.IPv4{Src: from, Dst: to, Proto: 17}.Packet(frame.UDP(from, to, sport, dport, make([]byte, 240))))
	}
	var l list
	l.raw("discover", "web-0.x", message(macAll, oddM, "0.0.0.0", "255.255.255.255", 68, 67))
	l.wire("offer to all", message(macAll, oddW, "172.20.9.9", "255.255.255.255", 67, 68))
	l.wire("offer to the address", message(oddM, oddW, "172.20.9.9", "172.20.2.66", 67, 68))
	l.raw("is it free", "web-0.x", arp(macAll, oddM, 1, oddM, "0.0.0.0", noMAC, "172.20.2.66"))
	l.cmd("web-0.x", "ip addr add 172.20.2.66/16 dev web-0.x")
	l.raw("it is mine", "web-0.x", arp(macAll, oddM, 1, oddM, "172.20.2.66", noMAC, "172.20.2.66"))
	l.wire("to the address", udp4(oddM, oddW, "172.20.9.9", "172.20.2.66"))
	l.cmd("web-0.x", "ping -c 1 -W 1 172.20.2.2")
	l.cmd("web-0.x", "ip neigh show 172.20.2.2")
	s.Steps = l
	return s
}
