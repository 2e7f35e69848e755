package sets

import (
	"strings"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// extended is about packets that the host's and the slaves' stacks treat in ways of
// their own.
func extended() (all []scenario.Scenario) {
	for _, mode := range modes() {
		all = append(all, routing(mode), policy(mode), filters(mode), sizes(mode), bare(mode), proxies(mode))
	}
	return all
}

// beside gives the host a second network behind another interface.
func beside() []scenario.Command {
	return []scenario.Command{
		{At: "host", Cmd: "ip link add d0 type veth peer name d1"},
		{At: "host", Cmd: "ip link set d0 up; ip link set d1 up"},
		{At: "host", Cmd: "ip addr add 198.18.0.1/24 dev d0"},
		{At: "host", Cmd: "ip neigh add 198.18.0.9 lladdr 02:00:00:00:0d:09 dev d0 nud permanent"},
	}
}

// routing is about where packets of slaves go that are for no neighbour.
func routing(mode string) scenario.Scenario {
	s := lab("routing", mode, "bridge")
	s.Setup = append(beside(), scenario.Command{At: "host", Cmd: "ip route add blackhole 198.51.100.0/24; ip route add unreachable 198.51.101.0/24"})
	var l list
	for _, dst := range []string{"198.18.0.9", "198.18.0.1", "198.51.100.5", "198.51.101.5", "203.0.113.5", "127.0.0.1", "169.254.1.1", "240.0.0.1", "224.0.0.5"} {
		if mode == "l2" && (strings.HasPrefix(dst, "19") || strings.HasPrefix(dst, "203") || strings.HasPrefix(dst, "240")) {
			l.cmd("s0", "ip route add "+dst+" via "+wire4)
		}
		l.to("s0", dst)
	}
	l.to("s0", "2001:db8::5")
	l.cmd("host", "ip route add default via "+wire4)
	l.cmd("host", "ip -6 route add default via "+wire6)
	for _, dst := range []string{"203.0.113.5", "198.18.0.9", "198.51.100.5", "2001:db8::5"} {
		l.to("s0", dst)
	}
	l.cmd("host", "sysctl -w net.ipv4.ip_forward=1")
	l.probe("192.0.2.77")
	l.probe(unknown4)
	l.probe(s2v4)
	l.cmd("s0", "sysctl -w net.ipv4.conf.s0.rp_filter=1 net.ipv4.conf.all.rp_filter=1")
	l.wire("from s1's address to s0", udp4(macM, macW, s1v4, s0v4))
	l.wire("from s0's address to s0", udp4(macM, macW, s0v4, s0v4))
	l.wire("from s0's address to the host", udp4(macM, macW, s0v4, host4))
	l.wire("from s0's address to nobody", udp4(macM, macW, s0v4, unknown4))
	s.Steps = l
	return s
}

// policy is about rules, next hops, neighbours and sizes in the host's routing.
func policy(mode string) scenario.Scenario {
	s := lab("policy", mode, "bridge")
	const second = "10.0.0.253"
	s.Master.Neigh[second] = "02:00:00:00:00:fd"
	var l list
	l.cmd("host", "ip route add 203.0.113.0/24 via "+wire4)
	l.cmd("host", "ip route add default via "+second+" table 100")
	l.cmd("host", "ip rule add from "+s0v4+" lookup 100")
	if mode == "l2" {
		l.cmd("s0", "ip route add 203.0.113.0/24 via "+wire4)
	}
	l.to("s0", "203.0.113.5")
	l.to("s1", "203.0.113.5")
	l.cmd("host", "ip rule add fwmark 7 lookup 100; ip rule del from "+s0v4+" lookup 100")
	l.to("s0", "203.0.113.5")
	l.cmd("host", "ip rule add to 203.0.113.0/24 lookup 100")
	l.to("s0", "203.0.113.5")
	l.cmd("host", "ip rule del to 203.0.113.0/24 lookup 100; ip rule add tos 0x10 lookup 100")
	l.to("s0", "203.0.113.5")
	tos := frame.Ether(macM, macM, frame.TypeIPv4, frame.IPv4{Src: s0v4, Dst: "203.0.113.5", Proto: 17}.Packet(frame.UDP(s0v4, "203.0.113.5", 5555, 7777, []byte("x"))))
	l.raw("s0 sends for 203.0.113.5 with the master's MAC", "s0", tos)
	l.cmd("host", "ip route replace 203.0.113.0/24 nexthop via "+wire4+" weight 1 nexthop via "+wire4+" dev eth0 onlink weight 2")
	l.to("s0", "203.0.113.5")
	l.to("s0", "203.0.113.6")
	l.cmd("host", "ip neigh del "+second+" dev eth0")
	l.cmd("host", "ip route replace 203.0.113.0/24 via "+second)
	l.to("s0", "203.0.113.5")
	l.cmd("host", "ip neigh replace "+second+" lladdr 02:00:00:00:00:fc dev eth0 nud permanent")
	l.to("s0", "203.0.113.7")
	l.cmd("host", "ip -6 rule add from "+s0v6+" lookup 101; ip -6 route add default via "+wire6+" table 101")
	if mode == "l2" {
		l.cmd("s0", "ip -6 route add 2001:db8::/32 via "+wire6)
	}
	l.to("s0", "2001:db8::5")
	s.Steps = l
	return s
}

// filters is about netfilter in the host and in a slave.
func filters(mode string) scenario.Scenario {
	s := lab("filters", mode, "bridge")
	const ipt = "iptables-legacy "
	var l list
	l.cmd("host", ipt+"-A INPUT -d "+s0v4+" -j DROP")
	l.probe(s0v4)
	l.cmd("host", ipt+"-A OUTPUT -s "+s0v4+" -j DROP")
	l.to("s0", wire4)
	l.to("s0", s1v4)
	l.cmd("host", ipt+"-F; "+ipt+"-t mangle -A PREROUTING -d "+s0v4+" -j DROP")
	l.probe(s0v4)
	l.cmd("host", ipt+"-t mangle -F; "+ipt+"-t mangle -A POSTROUTING -s "+s0v4+" -j DROP")
	l.to("s0", wire4)
	l.to("s0", s1v4)
	l.cmd("host", ipt+"-t mangle -F; "+ipt+"-P FORWARD DROP")
	l.to("s0", wire4)
	l.probe(s0v4)
	l.cmd("host", ipt+"-P FORWARD ACCEPT")
	l.cmd("s0", ipt+"-A INPUT -p udp -j DROP")
	l.probe(s0v4)
	l.cmd("s0", ipt+"-F; "+ipt+"-t mangle -A PREROUTING -p udp -j DROP")
	l.probe(s0v4)
	l.cmd("s0", ipt+"-t mangle -F; "+ipt+"-A OUTPUT -p udp --dport 7777 -j DROP")
	l.to("s0", wire4)
	l.cmd("s0", ipt+"-F")
	l.cmd("host", ipt+"-t nat -A POSTROUTING -s "+s0v4+" -j SNAT --to "+host4)
	l.udp("s0 > wire behind SNAT", "s0", scenario.Datagram{Dst: wire4, Port: 9999})
	l.wire("the answer to SNAT's address", frame.Ether(macM, macW, frame.TypeIPv4,
		frame.IPv4{Src: wire4, Dst: host4, Proto: 17}.Packet(frame.UDP(wire4, host4, 9999, 7777, []byte("x")))))
	l.cmd("host", ipt+"-t nat -F; "+ipt+"-t nat -A PREROUTING -d "+host4+" -p udp --dport 8080 -j DNAT --to "+s0v4+":7777")
	l.wire("to the host's port 8080 with DNAT", frame.Ether(macM, macW, frame.TypeIPv4,
		frame.IPv4{Src: wire4, Dst: host4, Proto: 17}.Packet(frame.UDP(wire4, host4, 5556, 8080, []byte("x")))))
	s.Steps = l
	return s
}

// sizes is about MTUs and fragments.
func sizes(mode string) scenario.Scenario {
	s := lab("sizes", mode, "bridge")
	many := func(n int) string { return strings.Repeat("m", n) }
	var l list
	l.udp("3000 bytes to a sibling, IPv6", "s0", scenario.Datagram{Dst: s1v6, Data: many(3000)})
	l.udp("3000 bytes to the wire, IPv6", "s0", scenario.Datagram{Dst: wire6, Data: many(3000)})
	l.cmd("s0", "ip link set s0 mtu 576")
	l.wire("1000 bytes to s0 with mtu 576", udp4Data(macM, macW, wire4, s0v4, many(1000)))
	l.udp("1000 bytes from s0 with mtu 576", "s0", scenario.Datagram{Dst: wire4, Data: many(1000)})
	l.cmd("s1", "ip link set s1 mtu 576")
	l.cmd("s0", "ip link set s0 mtu 1500")
	l.udp("1000 bytes to s1 with mtu 576", "s0", scenario.Datagram{Dst: s1v4, Data: many(1000)})
	l.udp("500 bytes to s1 with mtu 576", "s0", scenario.Datagram{Dst: s1v4, Data: many(500)})
	l.cmd("s1", "ip link set s1 mtu 1500")
	l.cmd("host", "ip route replace 192.0.2.0/24 via "+wire4+" mtu lock 1000")
	l.udp("1400 bytes by a route with mtu 1000", "s0", scenario.Datagram{Dst: "192.0.2.5", Data: many(1400)})
	l.udp("3000 bytes by a route with mtu 1000", "s0", scenario.Datagram{Dst: "192.0.2.5", Data: many(3000)})
	l.udp("3000 bytes to the wire", "s0", scenario.Datagram{Dst: wire4, Data: many(3000)})
	l.cmd("host", "ip link set eth0 mtu 1280")
	l.cmd("s0", "ip link show s0")
	l.udp("1400 bytes with the master's mtu 1280", "s0", scenario.Datagram{Dst: wire4, Data: many(1400)})
	l.cmd("host", "ip link set eth0 mtu 1500")
	l.cmd("s2", "ip -o link show s2")
	s.Steps = l
	return s
}

// bare is about a master without addresses.
func bare(mode string) scenario.Scenario {
	s := lab("bare", mode, "bridge")
	s.Master.Addrs, s.Master.Routes = nil, []string{"10.0.0.0/24 dev eth0", "default dev eth0"}
	s.Master.Neigh = nil
	var l list
	l.probe(s0v4)
	l.wire("echo to s0", echo4(macM, macW, wire4, s0v4))
	l.to("s0", wire4)
	l.to("s0", "203.0.113.5")
	l.to("s0", s1v4)
	l.wire("who has s0", whoHas(s0v4))
	s.Steps = l
	return s
}

// proxies is about who answers ARP for slaves.
func proxies(mode string) scenario.Scenario {
	s := lab("proxies", mode, "bridge")
	s.Setup = []scenario.Command{{At: "host", Cmd: "sysctl -w net.ipv4.neigh.eth0.proxy_delay=0"}}
	var l list
	l.wire("who has s0", whoHas(s0v4))
	l.cmd("host", "sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.eth0.proxy_arp=1")
	l.wire("who has s0, with proxy_arp", whoHas(s0v4))
	l.wire("who has nobody, with proxy_arp", whoHas(unknown4))
	l.wire("who has the host, with proxy_arp", whoHas(host4))
	l.cmd("host", "sysctl -w net.ipv4.conf.eth0.proxy_arp_pvlan=1")
	l.wire("who has s0, with proxy_arp_pvlan", whoHas(s0v4))
	l.cmd("host", "sysctl -w net.ipv4.conf.eth0.proxy_arp_pvlan=0 net.ipv4.conf.eth0.proxy_arp=0")
	l.cmd("host", "ip neigh add proxy "+s1v4+" dev eth0; ip route add "+s1v4+"/32 dev lo")
	l.wire("who has s1, with a proxy neighbour", whoHas(s1v4))
	l.probe(s1v4)
	l.cmd("host", "sysctl -w net.ipv4.conf.eth0.rp_filter=1 net.ipv4.conf.all.rp_filter=1")
	l.wire("echo to s2, in a foreign subnet", echo4(macM, macW, wire4, s2v4))
	s.Steps = l
	return s
}
