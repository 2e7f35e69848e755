package ipvlan

import (
	"errors"
	"net/netip"
	"testing"

	"ipvd/flows/wire"
)

const noVEPA = "bp"

// reachable lets host and slaves reach each other; the host port has 10.0.0.1 and
// fd00::1.
func reachable() option {
	return with(func(m *Master) {
		m.HostReach, m.Hosts = true, NewTable()
		for _, a := range []string{"10.0.0.1", "fd00::1"} {
			if err := m.Hosts.Set(netip.MustParseAddr(a), 0); err != nil {
				panic(err)
			}
		}
	})
}

// withReach runs scenarios on masters whose host reaches the slaves.
func withReach(t *testing.T, scenarios []scenario) {
	t.Helper()
	for i := range scenarios {
		scenarios[i].opts = append([]option{reachable()}, scenarios[i].opts...)
	}
	runAll(t, scenarios)
}

// solicitedNode is the group MAC of fd00::11 and of all other addresses that end
// so.
func solicitedNode(last byte) wire.MAC { return wire.MAC{0x33, 0x33, 0xff, 0, 0, last} }

func TestHostReachesSlaves(t *testing.T) {
	v4 := func(dst wire.MAC, to string) []byte { return ether(dst, macM, wire.TypeIPv4, ip4("10.0.0.1", to)) }
	v6 := func(dst wire.MAC, to string) []byte { return ether(dst, macM, wire.TypeIPv6, udp6("fd00::1", to)) }
	narrow := []option{with(func(m *Master) { m.Slaves[0].MTU = 1000 })}
	withReach(t, []scenario{
		{name: "to a slave", modes: demuxed, flags: noVEPA, at: "HOST", frame: v4(macM, "10.0.0.11"), want: "S1"},
		{name: "to a slave, v6", modes: demuxed, flags: noVEPA, at: "HOST", frame: v6(macM, "fd00::12"), want: "S2"},
		{name: "to a slave by a router", modes: "l2", flags: noVEPA, at: "HOST", frame: v4(macW, "10.0.0.11"), want: "WIRE"},
		{name: "to a slave by a router", modes: "l3", flags: noVEPA, at: "HOST", frame: v4(macW, "10.0.0.11"), want: "S1", out: v4(macM, "10.0.0.11")},
		{name: "to a slave by a router, v6", modes: "l3", flags: noVEPA, at: "HOST", frame: v6(macW, "fd00::11"), want: "S1", out: v6(macM, "fd00::11")},
		{name: "to others", modes: all, flags: anyFlag, at: "HOST", frame: v4(macW, "10.0.0.254"), want: "WIRE"},
		{name: "to itself", modes: demuxed, flags: anyFlag, at: "HOST", frame: v4(macM, "10.0.0.99"), want: "WIRE"},
		{name: "broadcast", modes: demuxed, flags: anyFlag, at: "HOST", frame: v4(macAll, "10.0.0.255"), want: "WIRE"},
		{name: "to a slave in a broadcast frame", modes: demuxed, flags: anyFlag, at: "HOST", frame: v4(macAll, "10.0.0.11"), want: "WIRE"},
		{name: "tagged", modes: demuxed, flags: anyFlag, at: "HOST", frame: tagged(5, v4(macM, "10.0.0.11")), want: "WIRE"},
		{name: "longer than the slave takes", modes: demuxed, flags: "b", at: "HOST", want: "drop:too_long", opts: narrow,
			frame: ether(macM, macM, wire.TypeIPv4, ip4Len(1400, "10.0.0.1", "10.0.0.11"))},
		{name: "runt", modes: demuxed, flags: "b", at: "HOST", frame: []byte{2, 0, 0}, want: "WIRE"},
		{name: "vepa", modes: all, flags: "v", at: "HOST", frame: v4(macM, "10.0.0.11"), want: "WIRE"},
		{name: "l3s, where the host routes", modes: "l3s", flags: anyFlag, at: "HOST", frame: v4(macM, "10.0.0.11"), want: "WIRE"},
	})
}

func TestSlavesReachTheHost(t *testing.T) {
	v4 := func(dst wire.MAC, to string) []byte { return ether(dst, macM, wire.TypeIPv4, ip4("10.0.0.11", to)) }
	v6 := func(dst wire.MAC, to string) []byte { return ether(dst, macM, wire.TypeIPv6, udp6("fd00::11", to)) }
	taken := []option{with(func(m *Master) { m.Table.Set(netip.MustParseAddr("10.0.0.1"), 2) })}
	withReach(t, []scenario{
		{name: "to the host", modes: demuxed, flags: noVEPA, at: "S1", frame: v4(macM, "10.0.0.1"), want: "HOST"},
		{name: "to the host, v6", modes: demuxed, flags: noVEPA, at: "S1", frame: v6(macM, "fd00::1"), want: "HOST"},
		{name: "to the host with vepa", modes: "l3", flags: "v", at: "S1", frame: v4(macM, "10.0.0.1"), want: "PUNT"},
		{name: "to the host in l3s", modes: "l3s", flags: anyFlag, at: "S1", frame: v4(macM, "10.0.0.1"), want: "RETURN"},
		{name: "to others", modes: "l3", flags: noVEPA, at: "S1", frame: v4(macM, "10.0.0.254"), want: "PUNT"},
		{name: "to others, v6", modes: "l3", flags: noVEPA, at: "S1", frame: v6(macM, "fd00::ee"), want: "PUNT"},
		{name: "for another MAC", modes: "l3", flags: "b", at: "S1", frame: v4(macX, "10.0.0.1"), want: "PUNT"},
		{name: "an address that a slave has as well", modes: demuxed, flags: "b", at: "S1", frame: v4(macM, "10.0.0.1"), want: "S2", opts: taken},
		{name: "longer than the host takes", modes: "l3", flags: "b", at: "S1", want: "PUNT",
			frame: ether(macM, macM, wire.TypeIPv4, ip4Len(2000, "10.0.0.11", "10.0.0.1"))},
		{name: "broadcast", modes: "l2", flags: "b", at: "S1", frame: v4(macAll, "10.0.0.255"), want: "S2 S3 WIRE"},
	})
}

func TestARPBetweenHostAndSlavesInL2(t *testing.T) {
	ask := func(from, to string) []byte {
		return ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, from, to))
	}
	withReach(t, []scenario{
		{name: "the host asks for a slave", modes: "l2", flags: noVEPA, at: "HOST", frame: ask("10.0.0.1", "10.0.0.11"), want: "S1 WIRE"},
		{name: "the host probes a slave's address", modes: "l2", flags: noVEPA, at: "HOST", frame: ask("0.0.0.0", "10.0.0.11"), want: "S1 WIRE"},
		{name: "the host announces an address", modes: "l2", flags: noVEPA, at: "HOST", frame: ask("10.0.0.1", "10.0.0.1"), want: "S1 S2 S3 WIRE"},
		{name: "the host asks for others", modes: "l2", flags: noVEPA, at: "HOST", frame: ask("10.0.0.1", "10.0.0.254"), want: "WIRE"},
		{name: "the host asks again for a slave", modes: "l2", flags: noVEPA, at: "HOST", want: "S1",
			frame: ether(macM, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.1", "10.0.0.11"))},
		{name: "the slave answers", modes: "l2", flags: noVEPA, at: "S1", want: "HOST",
			frame: ether(macM, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.11", "10.0.0.1"))},
		{name: "a slave asks for the host", modes: "l2", flags: noVEPA, at: "S1", frame: ask("10.0.0.11", "10.0.0.1"), want: "HOST S2 S3 WIRE"},
		{name: "a slave probes", modes: "l2", flags: noVEPA, at: "S1", frame: ask("0.0.0.0", "10.0.0.1"), want: "HOST S2 S3 WIRE"},
		{name: "a slave asks for a sibling", modes: "l2", flags: noVEPA, at: "S1", frame: ask("10.0.0.11", "10.0.0.12"), want: "S2 S3 WIRE"},
		{name: "a slave announces its address", modes: "l2", flags: noVEPA, at: "S1", frame: ask("10.0.0.11", "10.0.0.11"), want: "HOST S2 S3 WIRE"},
		{name: "the host answers", modes: "l2", flags: noVEPA, at: "HOST", want: "S1",
			frame: ether(macM, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.1", "10.0.0.11"))},
		{name: "vepa", modes: "l2", flags: "v", at: "HOST", frame: ask("10.0.0.1", "10.0.0.11"), want: "WIRE"},
		{name: "vepa, a slave", modes: "l2", flags: "v", at: "S1", frame: ask("10.0.0.11", "10.0.0.1"), want: "S2 S3 WIRE"},
	})
}

func TestNeighbourDiscoveryBetweenHostAndSlavesInL2(t *testing.T) {
	nd := func(dst wire.MAC, p []byte) []byte { return ether(dst, macM, wire.TypeIPv6, p) }
	withReach(t, []scenario{
		{name: "the host asks for a slave", modes: "l2", flags: noVEPA, at: "HOST", want: "S1 WIRE",
			frame: nd(solicitedNode(0x11), ns("fd00::1", "ff02::1:ff00:11", "fd00::11", macM))},
		{name: "the host detects duplicates of a slave's address", modes: "l2", flags: noVEPA, at: "HOST", want: "S1 WIRE",
			frame: nd(solicitedNode(0x11), dad("fd00::11"))},
		{name: "the host tells of its address", modes: "l2", flags: noVEPA, at: "HOST", want: "S1 S2 S3 WIRE",
			frame: nd(macNodes6, na("fd00::1", "ff02::1", "fd00::1", macM))},
		{name: "the host asks for others", modes: "l2", flags: noVEPA, at: "HOST", want: "WIRE",
			frame: nd(solicitedNode(0xee), ns("fd00::1", "ff02::1:ff00:ee", "fd00::ee", macM))},
		{name: "the host advertises itself as a router", modes: "l2", flags: noVEPA, at: "HOST", want: "WIRE",
			frame: nd(macNodes6, icmp6("fe80::1", "ff02::1", wire.NDRouterAdvert, make([]byte, 12)))},
		{name: "a slave asks for the host", modes: "l2", flags: noVEPA, at: "S1", want: "HOST S2 S3 WIRE",
			frame: nd(solicitedNode(1), ns("fd00::11", "ff02::1:ff00:1", "fd00::1", macM))},
		{name: "a slave detects duplicates of the host's address", modes: "l2", flags: noVEPA, at: "S1", want: "HOST S2 S3 WIRE", frame: nd(solicitedNode(1), dad("fd00::1"))},
		{name: "a slave detects duplicates", modes: "l2", flags: noVEPA, at: "S1", want: "S2 S3 WIRE", frame: nd(solicitedNode(0x14), dad("fd00::14"))},
		{name: "a slave asks for a sibling", modes: "l2", flags: noVEPA, at: "S1", want: "S2 S3 WIRE",
			frame: nd(solicitedNode(0x12), ns("fd00::11", "ff02::1:ff00:12", "fd00::12", macM))},
		{name: "a slave tells of its address", modes: "l2", flags: noVEPA, at: "S1", want: "HOST S2 S3 WIRE",
			frame: nd(macNodes6, na("fd00::11", "ff02::1", "fd00::11", macM))},
		{name: "a slave asks for routers", modes: "l2", flags: noVEPA, at: "S1", want: "S2 S3 WIRE",
			frame: nd(macNodes6, icmp6("fe80::1", "ff02::2", wire.NDRouterSolicit, make([]byte, 4)))},
	})
}

func TestHostIsAnsweredForSlavesInL3(t *testing.T) {
	ask := func(dst wire.MAC, from, to string) []byte {
		return ether(dst, macM, wire.TypeARP, arp(wire.ARPRequest, macM, from, to))
	}
	nd := func(dst wire.MAC, p []byte) []byte { return ether(dst, macM, wire.TypeIPv6, p) }
	question := ns("fd00::1", "ff02::1:ff00:11", "fd00::11", macM)
	withReach(t, []scenario{
		{name: "ARP", modes: "l3", flags: noVEPA, at: "HOST", frame: ask(macAll, "10.0.0.1", "10.0.0.11"), want: "HOST", out: arpAnswer(macM, "10.0.0.11", macM, "10.0.0.1")},
		{name: "ARP once more", modes: "l3", flags: noVEPA, at: "HOST", frame: ask(macM, "10.0.0.1", "10.0.0.11"), want: "HOST", out: arpAnswer(macM, "10.0.0.11", macM, "10.0.0.1")},
		{name: "probe", modes: "l3", flags: noVEPA, at: "HOST", frame: ask(macAll, "0.0.0.0", "10.0.0.11"), want: "HOST", out: arpAnswer(macM, "10.0.0.11", macM, "0.0.0.0")},
		{name: "announcement", modes: "l3", flags: noVEPA, at: "HOST", frame: ask(macAll, "10.0.0.11", "10.0.0.11"), want: "WIRE"},
		{name: "reply", modes: "l3", flags: noVEPA, at: "HOST", want: "WIRE",
			frame: ether(macW, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.1", "10.0.0.11"))},
		{name: "ARP for others", modes: "l3", flags: noVEPA, at: "HOST", frame: ask(macAll, "10.0.0.1", "10.0.0.254"), want: "WIRE"},
		{name: "solicitation", modes: "l3", flags: noVEPA, at: "HOST", frame: nd(solicitedNode(0x11), question), want: "HOST",
			out: advertised(macM, "fd00::1", "fd00::11", solicitedFlags)},
		{name: "solicitation once more", modes: "l3", flags: noVEPA, at: "HOST", frame: nd(macM, question), want: "HOST",
			out: advertised(macM, "fd00::1", "fd00::11", solicitedFlags)},
		{name: "duplicate address detection", modes: "l3", flags: noVEPA, at: "HOST", frame: nd(solicitedNode(0x11), dad("fd00::11")), want: "HOST",
			out: advertised(macNodes6, "ff02::1", "fd00::11", probeFlags)},
		{name: "of its own address", modes: "l3", flags: noVEPA, at: "HOST", frame: nd(solicitedNode(1), dad("fd00::1")), want: "WIRE"},
		{name: "vepa", modes: "l3", flags: "v", at: "HOST", frame: ask(macAll, "10.0.0.1", "10.0.0.11"), want: "WIRE"},
	})
}

func TestHostReachCountsWhatItCopiesAndAnswers(t *testing.T) {
	l := newLab(t, L2, Bridge, 3, reachable())
	l.inject("HOST", ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.1", "10.0.0.11")))
	l.inject("S1", ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.1")))
	if got := l.m.Counters.Host.Load(copied); got != 1 {
		t.Errorf("copied for the host's question: got %d, want 1", got)
	}
	if got := l.m.Counters.Replicate.Load(copied); got != 3 {
		t.Errorf("copied for the slave's question: got %d, want 3", got)
	}
	if got := l.m.Slaves[0].Stats().Multicast; got != 1 {
		t.Errorf("group frames of S1: got %d, want 1", got)
	}
	l = newLab(t, L3, Bridge, 3, reachable())
	l.inject("HOST", ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.1", "10.0.0.11")))
	if got := l.m.Counters.Host.Load(answered); got != 1 {
		t.Errorf("answered: got %d, want 1", got)
	}
}

func TestSlaveThatIsNotAttachedIsNotAnsweredFor(t *testing.T) {
	for _, mode := range []Mode{L2, L3} {
		l := newLab(t, mode, Bridge, 3, reachable(), with(func(m *Master) { m.Slaves = m.Slaves[1:] }))
		got, _ := l.send("HOST", ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.1", "10.0.0.11")))
		if got != "WIRE" {
			t.Errorf("%v: got %q, want WIRE", mode, got)
		}
	}
}

func TestHostReachNeedsTheHostsAddresses(t *testing.T) {
	l := newLab(t, L2, Bridge, 1)
	l.m.HostReach = true
	if err := l.st.Swap(l.build); !errors.Is(err, ErrMaster) {
		t.Errorf("without a table of the host's addresses: got error %v, want ErrMaster", err)
	}
}
