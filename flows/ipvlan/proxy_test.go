package ipvlan

import (
	"net/netip"
	"testing"

	"ipvd/flows/wire"
)

// The flags of an advertisement: solicited and override (RFC 4861, section 4.4).
const (
	solicitedFlags = 0x60
	probeFlags     = 0x20
)

// linkLocalOfS1 ends as fd00::11 does.
var linkLocalOfS1 = netip.MustParseAddr("fe80::11")

// arpAnswer is the reply of the station with address spa and the master's MAC.
func arpAnswer(dst wire.MAC, spa string, tha wire.MAC, tpa string) []byte {
	a := arp(wire.ARPReply, macM, spa, tpa)
	copy(a[18:], tha[:])
	return ether(dst, macM, wire.TypeARP, a)
}

// advertised is the advertisement that target has the master's MAC.
func advertised(mac wire.MAC, dst, target string, flags byte) []byte {
	return ether(mac, macM, wire.TypeIPv6, icmp6(target, dst, wire.NDNeighborAdvert, []byte{flags, 0, 0, 0}, addr(target), []byte{2, 1}, macM[:]))
}

// proxied runs scenarios on masters that answer for slaves.
func proxied(t *testing.T, scenarios []scenario) {
	t.Helper()
	for i := range scenarios {
		scenarios[i].opts = append(scenarios[i].opts, with(func(m *Master) { m.L3Proxy = true }))
	}
	runAll(t, scenarios)
}

func TestWireIsAnsweredByARPForSlaves(t *testing.T) {
	ask := func(dst wire.MAC, from, to string) []byte {
		return ether(dst, macW, wire.TypeARP, arp(wire.ARPRequest, macW, from, to))
	}
	reply := arpAnswer(macW, "10.0.0.11", macW, "10.0.0.254")
	returned := func(from string) []byte {
		return ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, from, "10.0.0.11"))
	}
	proxied(t, []scenario{
		{name: "asked", modes: routed, flags: anyFlag, at: "WIRE", frame: ask(macAll, "10.0.0.254", "10.0.0.11"), want: "WIRE", out: reply},
		{name: "asked again", modes: routed, flags: anyFlag, at: "WIRE", frame: ask(macM, "10.0.0.254", "10.0.0.11"), want: "WIRE", out: reply},
		{name: "asked with a priority", modes: "l3", flags: "b", at: "WIRE", frame: tagged(0, ask(macAll, "10.0.0.254", "10.0.0.11")), want: "WIRE", out: reply},
		{name: "asked in a VLAN", modes: routed, flags: "b", at: "WIRE", frame: tagged(5, ask(macAll, "10.0.0.254", "10.0.0.11")), want: "HOST"},
		{name: "probed", modes: routed, flags: anyFlag, at: "WIRE", frame: ask(macAll, "0.0.0.0", "10.0.0.11"), want: "WIRE",
			out: arpAnswer(macW, "10.0.0.11", macW, "0.0.0.0")},
		{name: "in l2, where slaves answer", modes: "l2", flags: anyFlag, at: "WIRE", frame: ask(macAll, "10.0.0.254", "10.0.0.11"), want: everyone},
		{name: "for the host", modes: routed, flags: anyFlag, at: "WIRE", frame: ask(macAll, "10.0.0.254", "10.0.0.1"), want: "HOST"},
		{name: "for nobody", modes: routed, flags: anyFlag, at: "WIRE", frame: ask(macAll, "10.0.0.254", "10.0.0.99"), want: "HOST"},
		{name: "for another MAC", modes: "l3", flags: "b", at: "WIRE", frame: ask(macX, "10.0.0.254", "10.0.0.11"), want: "drop:foreign_mac"},
		{name: "for another MAC", modes: "l3s", flags: "b", at: "WIRE", frame: ask(macX, "10.0.0.254", "10.0.0.11"), want: "HOST"},
		{name: "announced", modes: "l3", flags: "b", at: "WIRE", frame: ask(macAll, "10.0.0.11", "10.0.0.11"), want: "S1"},
		{name: "announced", modes: "l3s", flags: "b", at: "WIRE", frame: ask(macAll, "10.0.0.11", "10.0.0.11"), want: "HOST"},
		{name: "a reply", modes: "l3", flags: "b", at: "WIRE", want: "S1",
			frame: ether(macM, macW, wire.TypeARP, arp(wire.ARPReply, macW, "10.0.0.254", "10.0.0.11"))},
		{name: "probe that the network returns", modes: "l3", flags: anyFlag, at: "WIRE", frame: returned("0.0.0.0"), want: "S1"},
		{name: "probe that the network returns", modes: "l3s", flags: anyFlag, at: "WIRE", frame: returned("0.0.0.0"), want: "HOST"},
		{name: "question that the network returns", modes: routed, flags: "v", at: "WIRE", frame: returned("10.0.0.1"), want: "WIRE",
			out: arpAnswer(macM, "10.0.0.11", macM, "10.0.0.1")},
		{name: "by a group", modes: "l3", flags: "b", at: "WIRE", want: "S1",
			frame: ether(macM, macAll, wire.TypeARP, arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.11"))},
	})
}

func TestWireIsAnsweredByNeighbourDiscoveryForSlaves(t *testing.T) {
	nd := func(dst wire.MAC, p []byte) []byte { return ether(dst, macW, wire.TypeIPv6, p) }
	question := ns("fd00::ee", "ff02::1:ff00:11", "fd00::11", macW)
	spoiled := func(at int, by byte) []byte {
		f := nd(solicitedNode(0x11), ns("fd00::ee", "ff02::1:ff00:11", "fd00::11", macW))
		f[at] += by
		return f
	}
	link := []option{with(func(m *Master) { m.Table.Set(linkLocalOfS1, 1) })}
	linkQuestion := nd(solicitedNode(0x11), ns("fe80::ee", "ff02::1:ff00:11", linkLocalOfS1.String(), macW))
	proxied(t, []scenario{
		{name: "asked", modes: routed, flags: anyFlag, at: "WIRE", frame: nd(solicitedNode(0x11), question), want: "WIRE",
			out: advertised(macW, "fd00::ee", "fd00::11", solicitedFlags)},
		{name: "asked again", modes: "l3s", flags: anyFlag, at: "WIRE", frame: nd(macM, ns("fd00::ee", "fd00::11", "fd00::11", macW)), want: "WIRE",
			out: advertised(macW, "fd00::ee", "fd00::11", solicitedFlags)},
		{name: "asked again, which the slave answers", modes: "l3", flags: anyFlag, at: "WIRE", want: "S1",
			frame: nd(macM, ns("fd00::ee", "fd00::11", "fd00::11", macW))},
		{name: "without the asker's MAC", modes: routed, flags: "b", at: "WIRE", want: "WIRE",
			frame: nd(solicitedNode(0x11), icmp6("fd00::ee", "ff02::1:ff00:11", wire.NDNeighborSolicit, make([]byte, 4), addr("fd00::11"))),
			out:   advertised(macW, "fd00::ee", "fd00::11", solicitedFlags)},
		{name: "padded", modes: routed, flags: "b", at: "WIRE", frame: append(nd(solicitedNode(0x11), question), 0, 0, 0), want: "WIRE",
			out: advertised(macW, "fd00::ee", "fd00::11", solicitedFlags)},
		{name: "duplicate address detection", modes: routed, flags: anyFlag, at: "WIRE", frame: nd(solicitedNode(0x11), dad("fd00::11")), want: "WIRE",
			out: advertised(macNodes6, "ff02::1", "fd00::11", probeFlags)},
		{name: "duplicate address detection that the network returns", modes: "l3", flags: anyFlag, at: "WIRE", want: "S1",
			frame: ether(solicitedNode(0x11), macM, wire.TypeIPv6, dad("fd00::11"))},
		{name: "duplicate address detection that the network returns", modes: "l3s", flags: anyFlag, at: "WIRE", want: "HOST",
			frame: ether(solicitedNode(0x11), macM, wire.TypeIPv6, dad("fd00::11"))},
		{name: "for the host", modes: routed, flags: anyFlag, at: "WIRE", frame: nd(solicitedNode(1), ns("fd00::ee", "ff02::1:ff00:1", "fd00::1", macW)), want: "HOST"},
		{name: "from farther than the link", modes: routed, flags: "b", at: "WIRE", frame: spoiled(21, 0xff), want: "HOST"},
		{name: "wrong checksum", modes: routed, flags: "b", at: "WIRE", frame: spoiled(56, 1), want: "HOST"},
		{name: "unknown code", modes: routed, flags: "b", at: "WIRE", frame: spoiled(55, 1), want: "HOST"},
		{name: "probe of a station alone", modes: "l3s", flags: "b", at: "WIRE", want: "HOST",
			frame: nd(macM, icmp6("::", "fd00::11", wire.NDNeighborSolicit, make([]byte, 4), addr("fd00::11")))},
		{name: "link-local address", modes: "l3", flags: "b", at: "WIRE", frame: linkQuestion, want: "WIRE", opts: link,
			out: advertised(macW, "fe80::ee", linkLocalOfS1.String(), solicitedFlags)},
		{name: "link-local address, which the host does not route", modes: "l3s", flags: "b", at: "WIRE", frame: linkQuestion, want: "HOST", opts: link},
	})
}

func TestProxyAnswersAsOftenAsItMay(t *testing.T) {
	for _, mode := range []Mode{L3, L3S} {
		var a Allowance
		l := newLab(t, mode, Bridge, 1, with(func(m *Master) { m.L3Proxy, m.Answers = true, &a }))
		question := ether(macAll, macW, wire.TypeARP, arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.11"))
		for _, c := range []struct{ refill, want int }{{2, 2}, {0, 0}, {5, 3}} {
			a.Refill(c.refill)
			l.inject("WIRE", question, question, question)
			if got := len(l.ports["WIRE"].Sent(0)); got != c.want {
				t.Errorf("%v: allowed %d of 3: got %d answers, want %d", mode, c.refill, got, c.want)
			}
		}
		set := l.m.Counters.Classify
		if got := set.Load(answered); got != 5 {
			t.Errorf("%v: answered: got %d, want 5", mode, got)
		}
		if got := dropped(set, AnswerLimit); got != 4 {
			t.Errorf("%v: answer_limit: got %d, want 4", mode, got)
		}
	}
}
