package sets

import (
	"strings"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// facts is about commands: what they do, and what they tell then.
func facts() (all []scenario.Scenario) {
	for _, mode := range modes() {
		all = append(all, addresses(mode), links(mode), modesAndFlags(mode), howto(mode))
	}
	return all
}

// other is a mode that is not this one.
func other(mode string) string {
	if mode == "l2" {
		return "l3"
	}
	return "l2"
}

// addresses is about which slave has which address.
func addresses(mode string) scenario.Scenario {
	s := lab("addresses", mode, "bridge")
	var l list
	l.cmd("s1", "ip addr add 10.0.0.10/24 dev s1")
	l.cmd("s1", "ip addr add fd00::10/64 dev s1 nodad")
	l.cmd("s1", "ip -br addr show s1")
	l.probe(s0v4)
	l.cmd("s1", "ip addr add 10.0.0.1/24 dev s1")
	l.probe(host4)
	l.cmd("s1", "ip addr del 10.0.0.1/24 dev s1")
	l.probe(host4)
	for _, a := range []string{"10.0.0.50/32", "10.0.0.51/24", "169.254.7.7/16 scope link", "10.0.0.53/24 scope host", "10.0.0.54/24 noprefixroute"} {
		l.cmd("s0", "ip addr add "+a+" dev s0")
		l.probe(addrOf(a))
	}
	l.addressesThatGo()
	l.addressesOfDown()
	s.Steps = l
	return s
}

// addressesThatGo is about addresses that are changed or removed.
func (l *list) addressesThatGo() {
	l.cmd("s0", "ip addr replace 10.0.0.50/32 valid_lft 1000 preferred_lft 900 dev s0")
	l.probe("10.0.0.50")
	l.cmd("s0", "ip addr del 10.0.0.50/32 dev s0")
	l.probe("10.0.0.50")
	l.cmd("s0", "ip addr add 10.0.0.55/32 dev lo")
	l.probe("10.0.0.55")
	l.cmd("s0", "ip addr add 10.0.0.56 peer 10.0.0.57 dev s0")
	l.probe("10.0.0.56")
	l.probe("10.0.0.57")
	l.cmd("s0", "ip addr del 10.0.0.10/24 dev s0")
	l.cmd("s0", "ip -4 -br addr show s0")
	l.probe("10.0.0.51")
	l.cmd("s0", "ip addr add 10.0.0.10/24 dev s0")
}

// addressesOfDown is about addresses of a slave that is down, and some with an end.
func (l *list) addressesOfDown() {
	l.cmd("s0", "ip link set s0 down")
	l.probe(s0v4)
	l.cmd("s0", "ip addr add 10.0.0.58/24 dev s0")
	l.cmd("s1", "ip addr add 10.0.0.58/24 dev s1")
	l.probe("10.0.0.58")
	l.cmd("s0", "ip link set s0 up")
	l.probe("10.0.0.58")
	l.probe(s0v4)
	l.probe6(s0v6)
	l.cmd("s0", "ip addr flush dev s0")
	l.cmd("s1", "ip addr add 10.0.0.10/24 dev s1")
	l.probe(s0v4)
	l.cmd("s0", "ip addr add 10.0.0.59/24 dev s0 valid_lft 1 preferred_lft 1; sleep 3; ip -4 -br addr show s0")
	l.probe("10.0.0.59")
}

// addrOf is the address of `ADDRESS/LENGTH …`.
func addrOf(text string) string {
	addr, _, _ := strings.Cut(text, "/")
	return addr
}

// links is about interfaces: their state, MTU, MAC, groups and what stands on them.
func links(mode string) scenario.Scenario {
	s := lab("links", mode, "bridge")
	var l list
	group := func(id string) { l.wire(id, udp4(frame.GroupMAC("239.9.9.9"), macW, wire4, "239.9.9.9")) }
	l.cmd("s1", "ip -d link show s1")
	l.cmd("s1", "ip link set s1 promisc on")
	l.cmd("s1", "ip -br link show s1")
	group("a group, s1 promiscuous")
	l.probe(s0v4)
	l.cmd("s1", "ip link set s1 promisc off; ip link set s1 allmulticast on")
	group("a group, s1 takes all")
	l.cmd("s1", "ip link set s1 allmulticast off; ip link show s1")
	l.cmd("s0", "ip link set s0 down")
	l.wire("a broadcast, s0 down", udp4(macAll, macW, wire4, "255.255.255.255"))
	l.raw("s1 to s0, down", "s1", udp4(macM, macM, s1v4, s0v4))
	l.cmd("s0", "ip link set s0 up; ip link show s0")
	l.sizesAndMACs()
	l.carriers()
	l.uppers()
	s.Steps = l
	return s
}

// sizesAndMACs is about MTU and MAC of slaves and master.
func (l *list) sizesAndMACs() {
	l.cmd("s0", "ip link set s0 address 02:00:00:00:00:99")
	l.cmd("s0", "ip link set s0 mtu 1400; ip link show s0")
	l.cmd("s0", "ip link set s0 mtu 9000; ip link show s0")
	l.cmd("s0", "ip link set s0 mtu 60")
	l.cmd("s0", "ip link set s0 mtu 65535")
	l.cmd("host", "ip link set eth0 mtu 1300")
	l.cmd("s0", "cat /proc/sys/net/ipv6/conf/s0/mtu")
	l.cmd("s0", "cat /sys/class/net/s0/mtu /sys/class/net/s0/dev_id | tail -n 1")
	l.cmd("s1", "ip -d link show s1 | grep -o 'mtu [0-9]*' | head -n 1")
	l.cmd("host", "ip link set eth0 mtu 1500")
	l.cmd("host", "ip link set eth0 address 02:00:00:00:00:aa")
	l.cmd("s1", "ip link show s1")
	l.wire("to the new MAC", udp4("02:00:00:00:00:aa", macW, wire4, s1v4))
	l.wire("to the old MAC", udp4(macM, macW, wire4, s1v4))
	l.cmd("host", "ip link set eth0 address 02:00:00:00:00:01")
}

// carriers is about a master and a wire that are down.
func (l *list) carriers() {
	l.cmd("host", "ip link set eth0 down")
	l.cmd("s1", "ip link show s1")
	l.to("s0", s1v4)
	l.to("s0", wire4)
	l.cmd("host", "ip link set eth0 up")
	l.cmd("s1", "ip link show s1")
	l.probe(s1v4)
	l.cmd("wire", "ip link set w0 down")
	l.cmd("s1", "sleep 2; ip link show s1")
	l.cmd("wire", "ip link set w0 up")
	l.cmd("s1", "sleep 2; ip link show s1")
}

// uppers is about what stands on master and slaves, and about names.
func (l *list) uppers() {
	l.cmd("host", "ip link add link eth0 name mv0 type macvlan")
	l.cmd("host", "sh -c 'ip link add br0 type bridge; ip link set eth0 master br0'")
	l.cmd("s0", "sh -c 'ip link add br0 type bridge; ip link set s0 master br0'")
	l.probe(host4)
	l.cmd("s2", "ip link set s2 down; ip link set s2 name z2; ip link set z2 up; ip addr add 10.0.1.12/24 dev z2; ip link show z2")
	l.probe(s2v4)
	l.to("s2", "10.0.1.77")
	l.cmd("s1", "ip link del s1")
	l.probe(s1v4)
}

// modesAndFlags is about changing them, and about links that commands make.
func modesAndFlags(mode string) scenario.Scenario {
	s := lab("modes", mode, "bridge")
	var l list
	show := func() { l.cmd("s1", "ip -d link show s1") }
	l.cmd("s2", "ip link add link s2 name n0 type ipvlan mode "+mode)
	l.cmd("s2", "ip -d link show n0")
	l.cmd("s2", "sh -c 'ip link set n0 up; ip addr add 10.0.1.60/24 dev n0'")
	l.probe("10.0.1.60")
	l.to("n0", "10.0.1.12")
	l.cmd("host", "ip link add link eth0 name x0 type ipvlan mode "+other(mode))
	show()
	l.cmd("host", "ip -d link show x0")
	l.cmd("host", "ip link set x0 up; ip addr add 10.0.0.70/32 dev x0")
	l.probe("10.0.0.70")
	l.wire("who has x0", whoHas("10.0.0.70"))
	l.cmd("host", "ip link del x0")
	l.probe("10.0.0.70")
	l.cmd("s0", "ip link set s0 type ipvlan mode "+other(mode))
	show()
	l.probe(s0v4)
	l.wire("a broadcast", udp4(macAll, macW, wire4, "255.255.255.255"))
	l.cmd("s0", "ip link set s0 type ipvlan mode "+mode+" private")
	show()
	l.to("s0", s1v4)
	l.cmd("s0", "ip link set s0 type ipvlan vepa")
	show()
	l.raw("s0 to s1, vepa", "s0", udp4(macM, macM, s0v4, s1v4))
	l.cmd("s0", "ip link set s0 type ipvlan mode "+mode)
	show()
	l.cmd("s0", "ip link set dev s0 mtu 1450 type ipvlan bridge; ip link show s0")
	l.refusals()
	show()
	l.cmd("host", "ip -n $(ip netns identify) -d link show x1")
	l.cmd("host", "ip link set eth0 type ipvlan mode l2")
	l.cmd("host", "ip link del x1; ip link show x1")
	s.Steps = l
	return s
}

// refusals are lines that nobody does, and one that is done once.
func (l *list) refusals() {
	l.cmd("host", "ip link add link eth0 name x1 type ipvlan mode l2 vepa private")
	l.cmd("host", "ip link add link eth0 name x1 type ipvlan mode l4")
	l.cmd("host", "ip link add link nosuch name x1 type ipvlan")
	l.cmd("host", "ip link add link eth0 name x1 type ipvlan && ip link add link eth0 name x1 type ipvlan")
}

// howto is the HOWTO of ipvlan, with the stacks of all stations: pings.
func howto(mode string) scenario.Scenario {
	s := scenario.Scenario{Name: "howto-" + mode, Mode: mode,
		Master: scenario.Station{MAC: macM, Addrs: []string{"10.0.9.1/24"}},
		Wire:   scenario.Station{MAC: macW, Addrs: []string{"10.0.0.254/24", "10.0.9.254/24"}},
		Setup:  []scenario.Command{{At: "wire", Cmd: "ip link set w0 promisc off"}}}
	for i, addr := range []string{"10.0.0.10", "10.0.0.11"} {
		name := []string{"ipvl0", "ipvl1"}[i]
		route := "default dev " + name
		if mode == "l2" {
			route = "default via 10.0.0.254 dev " + name
		}
		s.Slaves = append(s.Slaves, scenario.Slave{Name: name, Station: scenario.Station{Addrs: []string{addr + "/24"}, Routes: []string{route}}})
	}
	var l list
	ping := func(at, dst string) { l.cmd(at, "ping -c 2 -i 0.2 -W 1 "+dst) }
	ping("ipvl0", "10.0.0.11")
	ping("ipvl0", "10.0.0.254")
	ping("ipvl0", "10.0.9.1")
	ping("wire", "10.0.0.11")
	ping("host", "10.0.0.10")
	l.cmd("host", "ip route add 10.0.0.254 dev eth0")
	ping("ipvl0", "10.0.0.254")
	l.cmd("host", "sysctl -w net.ipv4.conf.eth0.proxy_arp=1 net.ipv4.ip_forward=1")
	l.cmd("wire", "ip neigh replace 10.0.0.11 lladdr "+macM+" dev w0")
	ping("wire", "10.0.0.11")
	l.cmd("wire", "ip neigh")
	l.cmd("ipvl0", "ip neigh")
	l.cmd("wire", "ip route add 10.0.0.10/32 via 10.0.9.1; ping -c 2 -i 0.2 -W 1 10.0.0.10")
	for i := range l {
		l[i].KeepNeigh = true
	}
	s.Steps = l
	return s
}
