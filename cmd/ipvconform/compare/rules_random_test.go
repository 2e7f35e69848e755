package compare

import (
	"bytes"
	"testing"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// Stations of the rules' tests.
const (
	host4, wire4, s0v4 = "10.0.0.1", "10.0.0.254", "10.0.0.10"
	wire6, s0v6        = "fd00::254", "fd00::10"
	s0link6, nobody4   = "fe80::200:0:100:1", "10.0.0.99"
)

// in is the situation of a frame in a mode and with a flag.
func in(mode, flag, at string, f []byte) situation {
	s := scenario.Scenario{Mode: mode, Flag: flag, LinkLocal: true, Master: scenario.Station{MAC: macM, Addrs: []string{host4 + "/24 noprefixroute"}},
		Slaves: []scenario.Slave{{Name: "s0", Station: scenario.Station{Addrs: []string{s0v4 + "/24", s0v6 + "/64"}}}, {Name: "s1"}}}
	return situation{scenario: &s, step: scenario.Step{At: at, Hex: scenario.Frames{f}}, state: state{mode: mode, flag: flag},
		kernel: &scenario.Outcome{}, ours: &scenario.Outcome{}} // as volleys give it: without what was sent
}

func arrived(port string, f []byte, tci int) Entry {
	return Entry{Kind: Arrived, Port: port, Frame: steady(f), TCI: tci}
}

// quotes is an ICMP error, with a packet that bears an id.
func quotes(src, dst string) []byte {
	h := frame.IPv4{Src: dst, Dst: src, Proto: 17, ID: 7}
	m := append([]byte{wire.ICMPUnreachable, 0, 0, 0, 0, 0, 0, 0}, h.Packet([]byte("quoted"))...)
	sum := ^wire.Fold(wire.Sum(m, 0))
	m[2], m[3] = byte(sum>>8), byte(sum)
	return frame.Ether(macM, macM, frame.TypeIPv4, frame.IPv4{Src: src, Dst: dst, Proto: wire.ProtoICMP}.Packet(m))
}

func reached(port string) Entry { return Entry{Kind: Socket, Port: port} }

func ip4(h frame.IPv4) []byte {
	h.Proto = 253
	return frame.Ether(macM, macM, frame.TypeIPv4, h.Packet([]byte("data")))
}

func ip6(src, dst string, hops uint8) []byte {
	return frame.Ether(macM, macM, frame.TypeIPv6, frame.IPv6(src, dst, 253, hops, []byte("data")))
}

// ruleCase is an entry, and the rule that explains it, or none.
type ruleCase struct {
	name string
	s    situation
	side Side
	e    Entry
	want string
}

func check(t *testing.T, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
		if got := c.s.explain(c.side, c.e); got != c.want {
			t.Errorf("%s: got rule %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRulesOfMalformedPacketsExplainNothingElse(t *testing.T) {
	right := ip4(frame.IPv4{Src: s0v4, Dst: wire4})
	long := ip4(frame.IPv4{Src: s0v4, Dst: wire4, Total: 900})
	padded := append(bytes.Clone(right), 1, 2, 3)
	quoting := quotes(s0v4, wire4)
	quoting[14+2], quoting[14+3] = 0, wire.IPv4Len
	zero := ip4(frame.IPv4{Src: "0.0.0.0", Dst: wire4})
	cut := right[:14+10]
	check(t, []ruleCase{
		{"a wrong length leaves", in("l3", "bridge", "s0", long), Kernel, arrived("wire", right, -1), "malformed"},
		{"a right length leaves", in("l3", "bridge", "s0", right), Kernel, arrived("wire", right, -1), ""},
		{"a wrong length leaves by ipvd", in("l3", "bridge", "s0", long), Ours, arrived("wire", right, -1), ""},
		{"a wrong length in l2", in("l2", "bridge", "s0", long), Kernel, arrived("wire", long, -1), ""},
		{"a wrong length at a sibling", in("l3", "bridge", "s0", long), Kernel, arrived("s1", long, -1), ""},
		{"a wrong length from the wire", in("l3", "bridge", "wire", long), Kernel, arrived("s0", long, -1), ""},
		{"padding stays", in("l3", "bridge", "s0", padded), Kernel, arrived("wire", padded, -1), "padding"},
		{"padding is cut", in("l3", "bridge", "s0", padded), Ours, arrived("wire", right, -1), "padding"},
		{"more than padding is cut", in("l3", "bridge", "s0", padded), Ours, arrived("wire", right[:len(right)-1], -1), ""},
		{"padding that is an ICMP error stays", in("l3", "vepa", "s0", quoting), Kernel, arrived("wire", lengthened(quoting), -1), "padding"},
		{"other padding", in("l3", "vepa", "s0", quoting), Kernel, arrived("wire", lengthened(append(bytes.Clone(quoting[:len(quoting)-1]), 9)), -1), ""},
		{"nothing to cut", in("l3", "bridge", "s0", right), Ours, arrived("wire", right[:len(right)-1], -1), ""},
		{"a source of zero leaves", in("l3", "bridge", "s0", zero), Kernel, arrived("wire", zero, -1), "odd-source"},
		{"a source of zero in l2", in("l2", "bridge", "s0", zero), Kernel, arrived("wire", zero, -1), ""},
		{"a mapped source leaves", in("l3", "bridge", "s0", ip6("::ffff:10.0.0.10", wire6, 64)), Kernel, arrived("wire", right, -1), "odd-source"},
		{"another source leaves", in("l3", "bridge", "s0", ip6("2001:db8::1", wire6, 64)), Kernel, arrived("wire", right, -1), ""},
		{"headers that end early", in("l2", "bridge", "s0", cut), Kernel, arrived("s1", cut, -1), "truncated"},
		{"headers that end early, from the wire", in("l2", "bridge", "wire", cut), Kernel, arrived("s1", cut, -1), ""},
		{"whole headers", in("l2", "bridge", "s0", right), Kernel, arrived("s1", right, -1), ""},
	})
}

func TestRulesOfTagsExplainNothingElse(t *testing.T) {
	plain := ip4(frame.IPv4{Src: wire4, Dst: s0v4})
	one := func(protocol, tci uint16) []byte { return frame.Tagged(plain, protocol, tci) }
	two := frame.Tagged(one(frame.TypeVLAN, 7), frame.TypeQinQ, 0)
	other := ip4(frame.IPv4{Src: wire4, Dst: s0v4, TTL: 3})
	check(t, []ruleCase{
		{"a VLAN's tap", in("l2", "bridge", "wire", one(frame.TypeQinQ, 5)), Kernel, arrived("s0", plain, 5), "tagged"},
		{"a VLAN's tap by ipvd", in("l2", "bridge", "wire", one(frame.TypeQinQ, 5)), Ours, arrived("s0", plain, 5), ""},
		{"another VLAN's tap", in("l2", "bridge", "wire", one(frame.TypeVLAN, 5)), Kernel, arrived("s0", plain, 6), ""},
		{"no VLAN", in("l2", "bridge", "wire", plain), Kernel, arrived("s0", plain, 5), ""},
		{"a priority", in("l3", "bridge", "wire", one(frame.TypeQinQ, 0)), Kernel, arrived("s0", plain, 0), "priority-tag"},
		{"a priority taken off", in("l3", "bridge", "wire", one(frame.TypeVLAN, 0)), Ours, arrived("s0", plain, -1), "priority-tag"},
		{"a priority, and another frame", in("l3", "bridge", "wire", one(frame.TypeVLAN, 0)), Ours, arrived("s0", other, -1), ""},
		{"the tag behind a priority", in("l2", "bridge", "wire", two), Ours, arrived("s0", plain, 7), "priority-tag"},
		{"another tag behind a priority", in("l2", "bridge", "wire", two), Ours, arrived("s0", plain, 8), ""},
	})
}

func TestRulesOfARouterExplainNothingElse(t *testing.T) {
	good := ip4(frame.IPv4{Src: wire4, Dst: s0v4})
	out := ip4(frame.IPv4{Src: s0v4, Dst: wire4})
	dad := frame.Ether(macM, macW, frame.TypeIPv6, frame.Solicit("::", frame.SolicitedNode(s0v6), s0v6, ""))
	foreign := frame.Ether(macM, macW, frame.TypeIPv6, frame.Solicit("::", frame.SolicitedNode("fd00::77"), "fd00::77", ""))
	check(t, []ruleCase{
		{"a packet for a slave is lost", in("l3s", "bridge", "wire", good), Kernel, reached("s0"), ""},
		{"a packet of a slave is lost", in("l3s", "bridge", "s0", out), Kernel, arrived("wire", out, -1), ""},
		{"of the host's address", in("l3s", "bridge", "wire", ip4(frame.IPv4{Src: host4, Dst: s0v4})), Kernel, reached("s0"), "l3s-refused"},
		{"of the host's address in l3", in("l3", "bridge", "wire", ip4(frame.IPv4{Src: host4, Dst: s0v4})), Kernel, reached("s0"), ""},
		{"of the host's address, at ipvd", in("l3s", "bridge", "wire", ip4(frame.IPv4{Src: host4, Dst: s0v4})), Ours, reached("s0"), ""},
		{"of the subnet's broadcast address", in("l3s", "bridge", "wire", ip4(frame.IPv4{Src: "10.0.0.255", Dst: s0v4})), Kernel, reached("s0"), "l3s-refused"},
		{"of another subnet's", in("l3s", "bridge", "wire", ip4(frame.IPv4{Src: "10.0.1.255", Dst: s0v4})), Kernel, reached("s0"), ""},
		{"with a wrong checksum", in("l3s", "bridge", "s0", ip4(frame.IPv4{Src: s0v4, Dst: wire4, BadSum: true})), Kernel, arrived("wire", out, -1), "l3s-refused"},
		{"for a link-local address", in("l3s", "bridge", "wire", ip6(wire6, s0link6, 64)), Kernel, reached("s0"), "l3s-refused"},
		{"for a global address", in("l3s", "bridge", "wire", ip6(wire6, s0v6, 64)), Kernel, reached("s0"), ""},
		{"with hop limit 1", in("l3s", "bridge", "wire", ip6(wire6, s0v6, 1)), Kernel, reached("s0"), "l3s-refused"},
		{"options", in("l3s", "bridge", "s0", ip4(frame.IPv4{Src: s0v4, Dst: wire4, Options: []byte{7, 3, 4, 0}})), Ours, arrived("wire", out, -1), "l3s-options"},
		{"no options", in("l3s", "bridge", "s0", out), Ours, arrived("wire", good, -1), ""},
		{"for nobody, sent back", in("l3s", "bridge", "wire", ip4(frame.IPv4{Src: wire4, Dst: nobody4})), Ours, arrived("wire", good, -1), "l3s-forwarded"},
		{"for a slave, sent back", in("l3s", "bridge", "wire", good), Ours, arrived("wire", good, -1), ""},
		{"for the host, sent back", in("l3s", "bridge", "wire", ip4(frame.IPv4{Src: wire4, Dst: host4})), Ours, arrived("wire", good, -1), ""},
		{"for a sibling with vepa", in("l3s", "vepa", "s1", good), Kernel, arrived("wire", good, -1), "l3s-vepa"},
		{"for a sibling with bridge", in("l3s", "bridge", "s1", good), Kernel, arrived("wire", good, -1), ""},
		{"for the wire with vepa", in("l3s", "vepa", "s0", out), Kernel, arrived("wire", out, -1), ""},
		{"a slave's tap", in("l3s", "vepa", "wire", good), Ours, arrived("s0", good, -1), "l3s-tap"},
		{"a slave's tap, behind a priority", in("l3s", "bridge", "wire", frame.Tagged(good, frame.TypeQinQ, 0)), Ours, arrived("s0", good, -1), "l3s-tap"},
		{"a slave's tap by the driver", in("l3s", "vepa", "wire", good), Kernel, arrived("s0", good, -1), ""},
		{"a slave's tap, of another frame", in("l3s", "vepa", "wire", good), Ours, arrived("s0", out, -1), ""},
		{"TTL 255", in("l3s", "bridge", "s0", ip4(frame.IPv4{Src: s0v4, Dst: wire4, TTL: 255})), Ours,
			arrived("wire", ip4(frame.IPv4{Src: s0v4, Dst: wire4, TTL: 254}), -1), "hop-limit"},
		{"TTL 64", in("l3s", "bridge", "s0", out), Ours, arrived("wire", ip4(frame.IPv4{Src: s0v4, Dst: wire4, TTL: 254}), -1), ""},
		{"detection of a slave's address", in("l3s", "bridge", "wire", dad), Kernel, reached("s0"), "l3s-group-mac"},
		{"detection kept by the host", in("l3s", "bridge", "wire", dad), Ours, reached("host"), "l3s-group-mac"},
		{"detection of nobody's address", in("l3s", "bridge", "wire", foreign), Ours, reached("host"), ""},
	})
}

func TestLinkLocalAddressesAreTheSlaves(t *testing.T) {
	s := in("l3s", "bridge", "wire", ip6(wire6, s0link6, 64))
	_, dst, ok := s.ends()
	if !ok || !s.slave(dst) {
		t.Errorf("%v: got no slave's address", dst)
	}
	s.scenario.LinkLocal = false
	if s.slave(dst) {
		t.Errorf("%v: got a slave's address where slaves have none", dst)
	}
	if p, ok := s.packet6(); !ok || p.Next() != 253 || wire.Ethernet(s.step.Hex[0]).Group() {
		t.Errorf("got packet %x", []byte(p))
	}
}
