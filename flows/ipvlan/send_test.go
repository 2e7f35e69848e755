package ipvlan

import (
	"testing"

	"ipvd/flows/wire"
)

func TestUnicastFromASlaveInL2(t *testing.T) {
	v4 := func(dst wire.MAC, to string) []byte {
		return ether(dst, macM, wire.TypeIPv4, ip4("10.0.0.11", to))
	}
	other := ether(macW, macM, 0x88b5, make([]byte, 46))
	runAll(t, []scenario{
		{name: "to a sibling", modes: "l2", flags: "b", at: "S1", frame: v4(macM, "10.0.0.12"), want: "S2"},
		{name: "to a sibling", modes: "l2", flags: "p", at: "S1", frame: v4(macM, "10.0.0.12"), want: "drop:private"},
		{name: "to a sibling", modes: "l2", flags: "v", at: "S1", frame: v4(macM, "10.0.0.12"), want: "WIRE"},
		{name: "to a sibling's address by a router", modes: "l2", flags: anyFlag, at: "S1", frame: v4(macW, "10.0.0.12"), want: "WIRE"},
		{name: "to the host", modes: "l2", flags: "bp", at: "S1", frame: v4(macM, "10.0.0.1"), want: "HOST"},
		{name: "to the host", modes: "l2", flags: "v", at: "S1", frame: v4(macM, "10.0.0.1"), want: "WIRE"},
		{name: "to the wire, TTL 1", modes: "l2", flags: anyFlag, at: "S1", want: "WIRE",
			frame: ether(macW, macM, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.254", ttl(1)))},
		{name: "from another's address", modes: "l2", flags: anyFlag, at: "S1", want: "WIRE",
			frame: ether(macW, macM, wire.TypeIPv4, ip4("10.0.0.12", "10.0.0.254"))},
		{name: "not IP, to the wire", modes: "l2", flags: anyFlag, at: "S1", frame: other, want: "WIRE"},
		{name: "not IP, to the own MAC", modes: "l2", flags: "bp", at: "S1", want: "HOST",
			frame: ether(macM, macM, 0x88b5, make([]byte, 46))},
		{name: "with a tag", modes: "l2", flags: anyFlag, at: "S1", frame: tagged(5, v4(macW, "10.0.0.254")), want: "WIRE"},
		{name: "to an address of no slave", modes: "l2", flags: "b", at: "S1", frame: v4(macM, "10.0.0.14"), want: "HOST"},
		{name: "ARP to the own MAC for the host", modes: "l2", flags: "b", at: "S1", want: "HOST",
			frame: ether(macM, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.1"))},
		{name: "ARP reply to a sibling", modes: "l2", flags: "b", at: "S2", want: "S1",
			frame: ether(macM, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.12", "10.0.0.11"))},
		{name: "ARP reply to a sibling", modes: "l2", flags: "p", at: "S2", want: "drop:private",
			frame: ether(macM, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.12", "10.0.0.11"))},
		{name: "ARP reply to a sibling", modes: "l2", flags: "v", at: "S2", want: "WIRE",
			frame: ether(macM, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.12", "10.0.0.11"))},
	})
}

func TestGroupFramesFromASlaveInL2(t *testing.T) {
	const others = "S2 S3 WIRE"
	v4 := func(dst wire.MAC, from, to string) []byte {
		return ether(dst, macM, wire.TypeIPv4, ip4(from, to))
	}
	pad := make([]byte, 46)
	runAll(t, []scenario{
		{name: "broadcast", modes: "l2", flags: anyFlag, at: "S1", frame: v4(macAll, "10.0.0.11", "10.0.0.255"), want: others},
		{name: "multicast", modes: "l2", flags: anyFlag, at: "S1", frame: v4(macNodes4, "10.0.0.11", "224.0.0.1"), want: others},
		{name: "DHCP discover", modes: "l2", flags: anyFlag, at: "S1", frame: v4(macAll, "0.0.0.0", "255.255.255.255"), want: others},
		{name: "ARP for a sibling", modes: "l2", flags: anyFlag, at: "S1", want: others,
			frame: ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.12"))},
		{name: "ARP for the host", modes: "l2", flags: anyFlag, at: "S1", want: others,
			frame: ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.1"))},
		{name: "solicitation of a sibling", modes: "l2", flags: anyFlag, at: "S1", want: others,
			frame: ether(macNodes6, macM, wire.TypeIPv6, ns("fd00::11", "ff02::1:ff00:12", "fd00::12", macM))},
		{name: "duplicate address detection", modes: "l2", flags: anyFlag, at: "S1", want: others,
			frame: ether(macNodes6, macM, wire.TypeIPv6, dad("fd00::12"))},
		{name: "not IP", modes: "l2", flags: anyFlag, at: "S1", frame: ether(macAll, macM, 0x88b5, pad), want: others},
		{name: "LLDP", modes: "l2", flags: anyFlag, at: "S1", frame: ether(macLLDP, macM, 0x88cc, pad), want: "WIRE"},
		{name: "pause", modes: "l2", flags: anyFlag, at: "S1", frame: ether(macPause, macM, wire.TypePause, pad), want: "drop:pause"},
	})
}

func TestFramesFromASlaveInL3(t *testing.T) {
	v4 := func(dst wire.MAC, to string, alter ...func([]byte)) []byte {
		return ether(dst, macM, wire.TypeIPv4, ip4("10.0.0.11", to, alter...))
	}
	v6 := func(to string) []byte { return ether(macM, macM, wire.TypeIPv6, udp6("fd00::11", to)) }
	away := []scenario{
		{name: "to the wire", flags: anyFlag, frame: v4(macM, "10.0.0.254")},
		{name: "to the wire, TTL 1", flags: anyFlag, frame: v4(macM, "10.0.0.254", ttl(1))},
		{name: "to the wire, TTL 255", flags: anyFlag, frame: v4(macM, "10.0.0.254", ttl(255))},
		{name: "to the wire, v6", flags: anyFlag, frame: v6("fd00::ee")},
		{name: "to the host", flags: anyFlag, frame: v4(macM, "10.0.0.1")},
		{name: "to far away", flags: anyFlag, frame: v4(macW, "8.8.8.8")},
		{name: "to a subnet's broadcast", flags: anyFlag, frame: v4(macM, "10.0.0.255")},
		{name: "to a sibling", flags: "v", frame: v4(macM, "10.0.0.12")},
		{name: "from another's address", flags: anyFlag, frame: ether(macM, macM, wire.TypeIPv4, ip4("1.2.3.4", "10.0.0.254"))},
	}
	for i := range away {
		away[i].at = "S1"
		l3, l3s := away[i], away[i]
		l3.modes, l3.want = "l3", "PUNT"
		l3s.modes, l3s.want = "l3s", "RETURN"
		l3.run(t)
		l3s.run(t)
	}
	pad := make([]byte, 46)
	runAll(t, []scenario{
		{name: "to a sibling", modes: routed, flags: "b", at: "S1", frame: v4(macM, "10.0.0.12"), want: "S2"},
		{name: "to a sibling, v6", modes: routed, flags: "b", at: "S1", frame: v6("fd00::12"), want: "S2"},
		{name: "to a sibling by a router", modes: routed, flags: "b", at: "S1", frame: v4(macW, "10.0.0.12"), want: "S2"},
		{name: "to a sibling", modes: routed, flags: "p", at: "S1", frame: v4(macM, "10.0.0.12"), want: "drop:private"},
		{name: "broadcast", modes: routed, flags: anyFlag, at: "S1", frame: v4(macAll, "10.0.0.255"), want: "drop:l3_group"},
		{name: "multicast", modes: routed, flags: anyFlag, at: "S1", frame: v4(macNodes4, "224.0.0.1"), want: "drop:l3_group"},
		{name: "multicast address in a unicast frame", modes: routed, flags: anyFlag, at: "S1", frame: v4(macM, "224.0.0.1"), want: "drop:l3_destination"},
		{name: "limited broadcast in a unicast frame", modes: routed, flags: anyFlag, at: "S1", frame: v4(macM, "255.255.255.255"), want: "drop:l3_destination"},
		{name: "ARP, unicast", modes: routed, flags: anyFlag, at: "S1", want: "drop:l3_not_ip",
			frame: ether(macM, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.254"))},
		{name: "ARP, broadcast", modes: routed, flags: anyFlag, at: "S1", want: "drop:l3_group",
			frame: ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.254"))},
		{name: "ARP for a sibling", modes: routed, flags: "b", at: "S1", want: "S2",
			frame: ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.12"))},
		{name: "ARP for a sibling", modes: routed, flags: "v", at: "S1", want: "drop:l3_group",
			frame: ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.12"))},
		{name: "address detection of a sibling's", modes: routed, flags: "b", at: "S1", want: "S2",
			frame: ether(macNodes6, macM, wire.TypeIPv6, dad("fd00::12"))},
		{name: "not IP", modes: routed, flags: anyFlag, at: "S1", frame: ether(macM, macM, 0x88b5, pad), want: "drop:l3_not_ip"},
		{name: "with a tag", modes: routed, flags: anyFlag, at: "S1", frame: tagged(5, v4(macM, "10.0.0.254")), want: "drop:l3_not_ip"},
		{name: "total length above the frame", modes: routed, flags: anyFlag, at: "S1", want: "drop:l3_bad_header",
			frame: v4(macM, "10.0.0.254", func(b []byte) { b[2] = 9 })},
		{name: "header of 16 bytes", modes: routed, flags: anyFlag, at: "S1", want: "drop:l3_bad_header",
			frame: v4(macM, "10.0.0.254", func(b []byte) { b[0] = 0x44 })},
		{name: "v6 cut off", modes: routed, flags: anyFlag, at: "S1", frame: v6("fd00::ee")[:53], want: "drop:l3_bad_header"},
		{name: "runt", modes: all, flags: anyFlag, at: "S1", frame: make([]byte, 13), want: "drop:runt"},
	})
}

func TestFramesFromTheReturnPortGoToSlaves(t *testing.T) {
	frame := func(p []byte) []byte { return ether(macW, macReturn, wire.TypeIPv4, p) }
	runAll(t, []scenario{
		{name: "v4", modes: "l3s", flags: anyFlag, at: "RETURN", frame: frame(ip4("10.0.0.254", "10.0.0.11", ttl(63))), want: "S1"},
		{name: "v4, TTL 255", modes: "l3s", flags: anyFlag, at: "RETURN", frame: frame(ip4("10.0.0.1", "10.0.0.11", ttl(255))), want: "S1"},
		{name: "v6", modes: "l3s", flags: anyFlag, at: "RETURN", want: "S2",
			frame: ether(macW, macReturn, wire.TypeIPv6, udp6("fd00::ee", "fd00::12"))},
		{name: "to nobody", modes: "l3s", flags: anyFlag, at: "RETURN", frame: frame(ip4("10.0.0.254", "10.0.0.99")), want: "drop:no_slave"},
		{name: "the kernel's own multicast", modes: "l3s", flags: anyFlag, at: "RETURN", want: "drop:no_slave",
			frame: ether(macNodes6, macReturn, wire.TypeIPv6, icmp6("fe80::9", "ff02::2", wire.NDRouterSolicit, make([]byte, 4)))},
		{name: "ARP", modes: "l3s", flags: anyFlag, at: "RETURN", want: "drop:no_slave",
			frame: ether(macAll, macReturn, wire.TypeARP, arp(wire.ARPRequest, macReturn, "10.0.0.1", "10.0.0.11"))},
		{name: "runt", modes: "l3s", flags: anyFlag, at: "RETURN", frame: make([]byte, 13), want: "drop:runt"},
	})
}

func TestLocalFramesObeyTheReceiversMTU(t *testing.T) {
	small := []option{with(func(m *Master) { m.Slaves[1].MTU = 1000 })}
	local := func(to string, n int) []byte { return ether(macM, macM, wire.TypeIPv4, ip4Len(n, "10.0.0.11", to)) }
	runAll(t, []scenario{
		{name: "sibling, fits with a tag", modes: all, flags: "b", at: "S1", frame: local("10.0.0.12", 1004), want: "S2", opts: small},
		{name: "sibling, too long", modes: all, flags: "b", at: "S1", frame: local("10.0.0.12", 1005), want: "drop:too_long", opts: small},
		{name: "sibling, own MTU", modes: all, flags: "b", at: "S1", frame: local("10.0.0.13", 1400), want: "S3", opts: small},
		{name: "host, too long", modes: "l2", flags: "bp", at: "S1", frame: local("10.0.0.1", 1505), want: "drop:too_long"},
	})
}
