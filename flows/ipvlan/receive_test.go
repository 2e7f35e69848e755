package ipvlan

import (
	"testing"

	"ipvd/flows/wire"
)

func TestUnicastFromTheWire(t *testing.T) {
	v4 := func(dst wire.MAC, ip ...[]byte) []byte { return ether(dst, macW, wire.TypeIPv4, ip...) }
	v6 := func(dst wire.MAC, ip ...[]byte) []byte { return ether(dst, macW, wire.TypeIPv6, ip...) }
	toS1 := ip4("10.0.0.254", "10.0.0.11")
	compat := []option{with(func(m *Master) { m.CompatKernel = true })}
	promisc := []option{with(func(m *Master) { m.Promiscuous = true })}
	runAll(t, []scenario{
		{name: "to a slave", modes: demuxed, flags: anyFlag, at: "WIRE", frame: v4(macM, toS1), want: "S1"},
		{name: "to a slave, v6", modes: demuxed, flags: anyFlag, at: "WIRE", frame: v6(macM, udp6("fd00::ee", "fd00::11")), want: "S1"},
		{name: "anything in l3s", modes: "l3s", flags: anyFlag, at: "WIRE", frame: v4(macM, toS1), want: "HOST"},
		{name: "unknown address", modes: all, flags: anyFlag, at: "WIRE", frame: v4(macM, ip4("10.0.0.254", "10.0.0.99")), want: "HOST"},
		{name: "unknown address, v6", modes: all, flags: "b", at: "WIRE", frame: v6(macM, udp6("fd00::ee", "fd00::99")), want: "HOST"},
		{name: "foreign MAC", modes: demuxed, flags: "b", at: "WIRE", frame: v4(macX, toS1), want: "drop:foreign_mac"},
		{name: "foreign MAC as the kernel", modes: demuxed, flags: "b", at: "WIRE", frame: v4(macX, toS1), want: "S1", opts: compat},
		{name: "foreign MAC, promiscuous", modes: demuxed, flags: "b", at: "WIRE", frame: v4(macX, toS1), want: "HOST", opts: promisc},
		{name: "foreign MAC", modes: "l3s", flags: "b", at: "WIRE", frame: v4(macX, toS1), want: "HOST"},
		{name: "later fragment", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: v4(macM, ip4("10.0.0.254", "10.0.0.11", func(b []byte) { b[7] = 5 }))},
		{name: "v6 fragment", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: v6(macM, ip6("fd00::ee", "fd00::11", 44, make([]byte, 24)))},
		{name: "total length above the frame", modes: demuxed, flags: "b", at: "WIRE", want: "HOST",
			frame: v4(macM, ip4("10.0.0.254", "10.0.0.11", func(b []byte) { b[3] = 200 }))},
		{name: "header of 16 bytes", modes: demuxed, flags: "b", at: "WIRE", want: "HOST",
			frame: v4(macM, ip4("10.0.0.254", "10.0.0.11", func(b []byte) { b[0] = 0x44 }))},
		{name: "options", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: v4(macM, ip4("10.0.0.254", "10.0.0.11", func(b []byte) { b[0] = 0x46 }))},
		{name: "wrong checksum", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: func() []byte { f := v4(macM, ip4("10.0.0.254", "10.0.0.11")); f[24] ^= 1; return f }()},
		{name: "TTL 1", modes: demuxed, flags: "b", at: "WIRE", frame: v4(macM, ip4("10.0.0.254", "10.0.0.11", ttl(1))), want: "S1"},
		{name: "TTL 0", modes: demuxed, flags: "b", at: "WIRE", frame: v4(macM, ip4("10.0.0.254", "10.0.0.11", ttl(0))), want: "S1"},
		{name: "v6 payload length above the frame", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: func() []byte { f := v6(macM, udp6("fd00::ee", "fd00::11")); f[18] = 9; return f }()},
		{name: "unspecified source, router solicitation", modes: demuxed, flags: "b", at: "WIRE", want: "HOST",
			frame: v6(macM, icmp6("::", "fd00::11", wire.NDRouterSolicit, make([]byte, 4)))},
		{name: "multicast address in a unicast frame", modes: all, flags: "b", at: "WIRE", frame: v4(macM, ip4("10.0.0.254", "224.0.0.1")), want: "HOST"},
		{name: "subnet broadcast in a unicast frame", modes: all, flags: "b", at: "WIRE", frame: v4(macM, ip4("10.0.0.254", "10.0.0.255")), want: "HOST"},
		{name: "loopback address", modes: all, flags: "b", at: "WIRE", frame: v4(macM, ip4("10.0.0.254", "127.0.0.1")), want: "HOST"},
		{name: "from a sibling's address", modes: demuxed, flags: "b", at: "WIRE", frame: v4(macM, ip4("10.0.0.12", "10.0.0.11")), want: "S1"},
		{name: "reflected by the switch", modes: demuxed, flags: anyFlag, at: "WIRE", want: "S2",
			frame: ether(macM, macM, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.12"))},
		{name: "unknown ethertype", modes: all, flags: "b", at: "WIRE", frame: ether(macM, macW, 0x88b5, make([]byte, 46)), want: "HOST"},
		{name: "any protocol", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: v4(macM, ip4("10.0.0.254", "10.0.0.11", func(b []byte) { b[9] = 132 }))},
		{name: "slave's address in a broadcast frame", modes: "l3", flags: "b", at: "WIRE", frame: v4(macAll, toS1), want: "S1"},
		{name: "slave's address in a broadcast frame", modes: "l2", flags: "b", at: "WIRE", frame: v4(macAll, toS1), want: everyone},
		{name: "runt", modes: demuxed, flags: "b", at: "WIRE", frame: []byte{2, 0, 0, 0, 0, 1, 2}, want: "drop:runt"},
		{name: "longer than the slave's MTU", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: v4(macM, ip4Len(1400, "10.0.0.254", "10.0.0.11")), opts: []option{with(func(m *Master) { m.Slaves[0].MTU = 1000 })}},
	})
}

func TestARPAndNeighbourDiscoveryFromTheWire(t *testing.T) {
	arpTo := func(dst wire.MAC, a []byte) []byte { return ether(dst, macW, wire.TypeARP, a) }
	nd := func(dst wire.MAC, p []byte) []byte { return ether(dst, macW, wire.TypeIPv6, p) }
	forS1 := arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.11")
	group := wire.MAC{0x33, 0x33, 0xff, 0, 0, 0x11}
	runAll(t, []scenario{
		{name: "broadcast request for a slave", modes: "l2", flags: anyFlag, at: "WIRE", frame: arpTo(macAll, forS1), want: everyone},
		{name: "broadcast request for a slave", modes: "l3", flags: anyFlag, at: "WIRE", frame: arpTo(macAll, forS1), want: "S1"},
		{name: "broadcast request for a slave", modes: "l3s", flags: anyFlag, at: "WIRE", frame: arpTo(macAll, forS1), want: "HOST"},
		{name: "broadcast request for the host", modes: "l2", flags: "b", at: "WIRE", want: everyone,
			frame: arpTo(macAll, arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.1"))},
		{name: "broadcast request for the host", modes: routed, flags: "b", at: "WIRE", want: "HOST",
			frame: arpTo(macAll, arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.1"))},
		{name: "unicast request for a slave", modes: demuxed, flags: "b", at: "WIRE", frame: arpTo(macM, forS1), want: "S1"},
		{name: "unicast reply to a slave", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: arpTo(macM, arp(wire.ARPReply, macW, "10.0.0.254", "10.0.0.11"))},
		{name: "gratuitous", modes: "l2", flags: "b", at: "WIRE", want: everyone,
			frame: arpTo(macAll, arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.254"))},
		{name: "cut off", modes: demuxed, flags: "b", at: "WIRE", frame: arpTo(macM, forS1[:27]), want: "HOST"},
		{name: "other hardware type", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: arpTo(macM, append([]byte{0, 6}, forS1[2:]...))},

		{name: "multicast solicitation", modes: "l2", flags: "b", at: "WIRE", want: everyone,
			frame: nd(group, ns("fd00::ee", "ff02::1:ff00:11", "fd00::11", macW))},
		{name: "multicast solicitation", modes: routed, flags: "b", at: "WIRE", want: "HOST",
			frame: nd(group, ns("fd00::ee", "ff02::1:ff00:11", "fd00::11", macW))},
		{name: "unicast solicitation", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: nd(macM, ns("fd00::ee", "fd00::11", "fd00::11", macW))},
		{name: "unicast advertisement", modes: demuxed, flags: "b", at: "WIRE", want: "S1",
			frame: nd(macM, na("fd00::ee", "fd00::11", "fd00::ee", macW))},
		{name: "duplicate address detection", modes: "l2", flags: "b", at: "WIRE", frame: nd(group, dad("fd00::11")), want: everyone},
		{name: "duplicate address detection", modes: "l3", flags: "b", at: "WIRE", frame: nd(group, dad("fd00::11")), want: "S1"},
		{name: "duplicate address detection", modes: "l3s", flags: "b", at: "WIRE", frame: nd(group, dad("fd00::11")), want: "HOST"},
		{name: "detection in a unicast frame", modes: demuxed, flags: "b", at: "WIRE", frame: nd(macM, dad("fd00::11")), want: "S1"},
		{name: "detection of an unknown address", modes: demuxed, flags: "b", at: "WIRE", frame: nd(macM, dad("fd00::99")), want: "HOST"},
		{name: "detection cut off", modes: demuxed, flags: "b", at: "WIRE", frame: nd(macM, dad("fd00::11"))[:70], want: "HOST"},
		{name: "router advertisement", modes: "l2", flags: "b", at: "WIRE", want: everyone,
			frame: nd(macNodes6, icmp6("fe80::1", "ff02::1", wire.NDRouterAdvert, make([]byte, 12)))},
		{name: "router advertisement", modes: routed, flags: "b", at: "WIRE", want: "HOST",
			frame: nd(macNodes6, icmp6("fe80::1", "ff02::1", wire.NDRouterAdvert, make([]byte, 12)))},
	})
}

func TestGroupFramesFromTheWire(t *testing.T) {
	from := func(src, dst wire.MAC, typ uint16, p []byte) []byte { return ether(dst, src, typ, p) }
	limited := ip4("10.0.0.254", "255.255.255.255")
	pad := make([]byte, 46)
	runAll(t, []scenario{
		{name: "limited broadcast", modes: "l2", flags: anyFlag, at: "WIRE", frame: from(macW, macAll, wire.TypeIPv4, limited), want: everyone},
		{name: "limited broadcast", modes: routed, flags: anyFlag, at: "WIRE", frame: from(macW, macAll, wire.TypeIPv4, limited), want: "HOST"},
		{name: "multicast 224.0.0.1", modes: "l2", flags: anyFlag, at: "WIRE", want: everyone,
			frame: from(macW, macNodes4, wire.TypeIPv4, ip4("10.0.0.254", "224.0.0.1"))},
		{name: "multicast 224.0.0.1", modes: routed, flags: anyFlag, at: "WIRE", want: "HOST",
			frame: from(macW, macNodes4, wire.TypeIPv4, ip4("10.0.0.254", "224.0.0.1"))},
		{name: "a slave's, returned", modes: "l2", flags: anyFlag, at: "WIRE", want: "HOST",
			frame: from(macM, macAll, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.255"))},
		{name: "a slave's, returned, v6", modes: "l2", flags: "b", at: "WIRE", want: "HOST",
			frame: from(macM, macNodes6, wire.TypeIPv6, udp6("fd00::11", "ff02::1"))},
		{name: "a slave's ARP, returned", modes: "l2", flags: "b", at: "WIRE", want: "HOST",
			frame: from(macM, macAll, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.254"))},
		{name: "a slave's address detection, returned", modes: "l2", flags: "b", at: "WIRE", want: "HOST",
			frame: from(macM, macNodes6, wire.TypeIPv6, dad("fd00::11"))},
		{name: "own MAC, unknown source", modes: "l2", flags: "b", at: "WIRE", want: everyone,
			frame: from(macM, macAll, wire.TypeIPv4, ip4("10.0.0.99", "10.0.0.255"))},
		{name: "own MAC, not IP", modes: "l2", flags: "b", at: "WIRE", frame: from(macM, macAll, 0x88b5, pad), want: everyone},
		{name: "ARP with own MAC for a sibling", modes: "l3", flags: "b", at: "WIRE", want: "S2",
			frame: from(macM, macAll, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.12"))},
		{name: "broadcast that is not IP", modes: "l2", flags: "b", at: "WIRE", frame: from(macW, macAll, 0x88b5, pad), want: everyone},
		{name: "LLDP", modes: all, flags: "b", at: "WIRE", frame: from(macW, macLLDP, 0x88cc, pad), want: "HOST"},
		{name: "LACP", modes: all, flags: "b", at: "WIRE", frame: from(macW, macLACP, 0x8809, pad), want: "HOST"},
		{name: "STP", modes: all, flags: "b", at: "WIRE", frame: from(macW, macSTP, 38, pad), want: "HOST"},
		{name: "pause", modes: all, flags: "b", at: "WIRE", frame: from(macW, macPause, wire.TypePause, pad), want: "HOST"},
		{name: "pause to all", modes: "l2", flags: "b", at: "WIRE", frame: from(macW, macAll, wire.TypePause, pad), want: "HOST"},
	})
}

func TestTaggedFramesFromTheWire(t *testing.T) {
	toS1 := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.11"))
	toAll := ether(macAll, macW, wire.TypeARP, arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.11"))
	runAll(t, []scenario{
		{name: "VLAN 5", modes: all, flags: "b", at: "WIRE", frame: tagged(5, toS1), want: "HOST"},
		{name: "VLAN 5 broadcast", modes: all, flags: "b", at: "WIRE", frame: tagged(5, toAll), want: "HOST"},
		{name: "priority tag", modes: demuxed, flags: "b", at: "WIRE", frame: tagged(5<<13, toS1), want: "S1", out: toS1},
		{name: "priority tag, broadcast", modes: "l2", flags: "b", at: "WIRE", frame: tagged(5<<13, toAll), want: everyone, out: toAll},
		{name: "priority tag", modes: "l3s", flags: "b", at: "WIRE", frame: tagged(5<<13, toS1), want: "HOST"},
		{name: "priority tag before a tag", modes: demuxed, flags: "b", at: "WIRE", frame: tagged(0, tagged(5, toS1)), want: "HOST", out: tagged(5, toS1)},
		{name: "cut off in the tag", modes: demuxed, flags: "b", at: "WIRE", frame: tagged(0, toS1)[:16], want: "HOST"},
	})
}

func TestFramesFromTheHostGoToTheWireOnly(t *testing.T) {
	runAll(t, []scenario{
		{name: "to a slave's address", modes: all, flags: anyFlag, at: "HOST", want: "WIRE",
			frame: ether(macM, macM, wire.TypeIPv4, ip4("10.0.0.1", "10.0.0.11"))},
		{name: "broadcast", modes: all, flags: anyFlag, at: "HOST", want: "WIRE",
			frame: ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.1", "10.0.0.11"))},
	})
}
