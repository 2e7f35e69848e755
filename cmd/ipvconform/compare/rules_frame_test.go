package compare

import (
	"testing"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// byDefault is the situation of a frame without --compat kernel.
func byDefault(mode, flag, at string, f []byte) situation {
	s := in(mode, flag, at, f)
	s.defaults, s.parted = true, newParted(mode, flag)
	return s
}

func to(dst string, f []byte) []byte {
	e := wire.Ethernet(append([]byte{}, f...))
	e.SetDst(wire.MAC(mac(dst)))
	return e
}

// mac are the bytes of a MAC address.
func mac(s string) []byte { return frame.Ether(s, s, 0, nil)[:6] }

// discovery is a message of neighbour discovery.
func discovery(dst, from, group string, typ byte, target string) []byte {
	m := append([]byte{typ, 0, 0, 0, 0, 0, 0, 0}, frame.IPv6(target, target, 0, 0, nil)[8:24]...)
	p := frame.IPv6(from, group, wire.ProtoICMPv6, 255, m)
	icmp := p[wire.IPv6Len:]
	sum := ^wire.Fold(wire.Sum(icmp, wire.PseudoSum6(p, wire.ProtoICMPv6, len(icmp))))
	icmp[2], icmp[3] = byte(sum>>8), byte(sum)
	return frame.Ether(dst, macM, frame.TypeIPv6, p)
}

// got is what the host's handlers or raw sockets get.
func got(f []byte) Entry { return Entry{Kind: Reached, Port: scenario.Host, Frame: steady(f), TCI: -1} }

func socketOf(port, src, dst, data string) Entry {
	return Entry{Kind: Socket, Port: port, Data: scenario.Delivery{Port: port, Src: src, Dst: dst, Data: data}}
}

const macAll, foreign4 = "ff:ff:ff:ff:ff:ff", "192.0.2.5"

func TestFramesOfTheHostReachSlavesByDefaultAndNothingElse(t *testing.T) {
	forS0, forNobody := ip4(frame.IPv4{Src: foreign4, Dst: s0v4}), ip4(frame.IPv4{Src: foreign4, Dst: nobody4})
	news := arp(macAll, macM, wire.ARPReply, foreign4, foreign4)
	ask, askNobody := arp(macAll, macM, wire.ARPRequest, foreign4, s0v4), arp(macAll, macM, wire.ARPRequest, foreign4, nobody4)
	answer, other := arp(macM, macM, wire.ARPReply, s0v4, foreign4), arp(macM, macM, wire.ARPReply, nobody4, foreign4)
	unsound := discovery("33:33:ff:00:00:10", "fe80::99", "ff02::1:ff00:10", wire.NDNeighborSolicit, s0v6)
	unsound[len(unsound)-21]++ // of the checksum
	compat := byDefault("l2", "bridge", "host", forS0)
	compat.defaults = false
	check(t, []ruleCase{
		{"in l2, not to the wire", byDefault("l2", "bridge", "host", forS0), Kernel, arrived("wire", forS0, -1), "host-reach"},
		{"in l2, but to the slave", byDefault("l2", "bridge", "host", forS0), Ours, arrived("s0", forS0, -1), "host-reach"},
		{"in l2, to another slave", byDefault("l2", "bridge", "host", forS0), Ours, arrived("s1", forS0, -1), ""},
		{"in l2, altered", byDefault("l2", "bridge", "host", forS0), Ours, arrived("s0", forNobody, -1), ""},
		{"in l2, by a router", byDefault("l2", "bridge", "host", to(macW, forS0)), Kernel, arrived("wire", to(macW, forS0), -1), ""},
		{"for nobody", byDefault("l2", "bridge", "host", forNobody), Kernel, arrived("wire", forNobody, -1), ""},
		{"with --compat kernel", compat, Kernel, arrived("wire", forS0, -1), ""},
		{"with vepa", byDefault("l2", "vepa", "host", forS0), Kernel, arrived("wire", forS0, -1), ""},
		{"from the wire", byDefault("l2", "bridge", "wire", forS0), Ours, arrived("s0", forS0, -1), ""},
		{"in l3 by a router, not to the wire", byDefault("l3", "bridge", "host", to(macW, forS0)), Kernel, arrived("wire", to(macW, forS0), -1), "host-reach"},
		{"in l3 by a router, but to the slave", byDefault("l3", "bridge", "host", to(macW, forS0)), Ours, arrived("s0", forS0, -1), "host-reach"},
		{"in l3 at the slave's socket", byDefault("l3", "bridge", "host", forS0), Ours, socketOf("s0", foreign4, s0v4, ""), "host-reach"},
		{"in l3 at another's socket", byDefault("l3", "bridge", "host", forS0), Ours, socketOf("s1", foreign4, s0v4, ""), ""},
		{"in l3s", byDefault("l3s", "bridge", "host", forS0), Kernel, arrived("wire", forS0, -1), ""},
		{"news for all", byDefault("l2", "bridge", "host", news), Ours, arrived("s1", news, -1), "host-reach"},
		{"news, in l3", byDefault("l3", "bridge", "host", news), Ours, arrived("s1", news, -1), ""},
		{"a question", byDefault("l2", "bridge", "host", ask), Ours, arrived("s0", ask, -1), "host-reach"},
		{"a question with a wrong checksum", byDefault("l2", "bridge", "host", unsound), Ours, arrived("s0", unsound, -1), "host-reach"},
		{"a question with a wrong checksum in l3", byDefault("l3", "bridge", "host", unsound), Kernel, arrived("wire", unsound, -1), ""},
		{"a question, at another", byDefault("l2", "bridge", "host", ask), Ours, arrived("s1", ask, -1), ""},
		{"a question for nobody", byDefault("l2", "bridge", "host", askNobody), Ours, arrived("s0", askNobody, -1), ""},
		{"a question in l3, not to the wire", byDefault("l3", "bridge", "host", ask), Kernel, arrived("wire", ask, -1), "host-reach"},
		{"a question in l3, answered", byDefault("l3", "bridge", "host", ask), Ours, got(answer), "host-reach"},
		{"a question in l3, answered for another", byDefault("l3", "bridge", "host", ask), Ours, got(other), ""},
		{"a question for nobody in l3", byDefault("l3", "bridge", "host", askNobody), Kernel, arrived("wire", askNobody, -1), ""},
	})
}

func TestFramesOfSlavesReachTheHostByDefaultAndNothingElse(t *testing.T) {
	news := discovery("33:33:00:00:00:01", "fe80::99", "ff02::1", wire.NDNeighborAdvert, nobodyLink6)
	forHost, forNobody := ip4(frame.IPv4{Src: foreign4, Dst: host4}), ip4(frame.IPv4{Src: foreign4, Dst: nobody4})
	ask := discovery(macM, "fe80::99", "ff02::1:ff00:10", wire.NDNeighborSolicit, s0v6)
	forOthers, aboutNobody := discovery(macM, "::", wire6, wire.NDNeighborSolicit, hostLink6), discovery(macM, "::", wire6, wire.NDNeighborSolicit, nobodyLink6)
	sent, answer := to("33:33:ff:00:00:10", ask), discovery(macM, s0v6, "fe80::99", wire.NDNeighborAdvert, s0v6)
	check(t, []ruleCase{
		{"news in l2", byDefault("l2", "private", "s0", news), Ours, got(news), "host-reach"},
		{"news in l2, from the wire", byDefault("l2", "private", "wire", news), Ours, got(news), ""},
		{"other groups' frames in l2", byDefault("l2", "bridge", "s0", to(macAll, forNobody)), Ours, got(to(macAll, forNobody)), ""},
		{"in l3 for the host", byDefault("l3", "bridge", "s0", forHost), Ours, got(forHost), "host-reach"},
		{"in l3 for the host, refused there", byDefault("l3", "bridge", "s0", forHost), Kernel, socketOf("host", foreign4, host4, ""), "host-reach"},
		{"in l3 for the host, at another's socket", byDefault("l3", "bridge", "s0", forHost), Kernel, socketOf("s1", foreign4, host4, ""), ""},
		{"in l3 for the host by another MAC", byDefault("l3", "bridge", "s0", to(macW, forHost)), Ours, got(to(macW, forHost)), ""},
		{"in l3 for nobody", byDefault("l3", "bridge", "s0", forNobody), Ours, got(forNobody), ""},
		{"in l3 a question that the host sends on", byDefault("l3", "bridge", "s1", ask), Kernel, arrived("wire", sent, -1), "host-reach"},
		{"in l3 a question that the host sends on, answered", byDefault("l3", "bridge", "s1", ask), Ours, got(answer), "host-reach"},
		{"in l3 a question for the host that is for others", byDefault("l3", "bridge", "s0", forOthers), Kernel, arrived("wire", to(macW, forOthers), -1), "host-reach"},
		{"in l3 a question for nobody that is for others", byDefault("l3", "bridge", "s0", aboutNobody), Kernel, arrived("wire", to(macW, aboutNobody), -1), ""},
		{"in l3 with vepa", byDefault("l3", "vepa", "s1", ask), Ours, got(answer), ""},
	})
}

const hostLink6, nobodyLink6 = "fe80::ff:fe00:1", "fe80::99"

func TestQuestionsOfTheWireAreAnsweredByDefaultAndReachNobody(t *testing.T) {
	ask := discovery("33:33:ff:00:00:10", wire6, "ff02::1:ff00:10", wire.NDNeighborSolicit, s0v6)
	for _, mode := range []string{"l3", "l3s"} {
		check(t, []ruleCase{
			{mode + ": at the slave's socket", byDefault(mode, "vepa", "wire", ask), Kernel, socketOf("s0", wire6, "ff02::1:ff00:10", ""), "l3-proxy"},
			{mode + ": at the host's socket", byDefault(mode, "vepa", "wire", ask), Kernel, socketOf("host", wire6, "ff02::1:ff00:10", ""), "l3-proxy"},
			{mode + ": at the slave's socket here", byDefault(mode, "bridge", "wire", ask), Ours, socketOf("s0", wire6, "ff02::1:ff00:10", ""), ""},
			{mode + ": of another", byDefault(mode, "bridge", "wire", ask), Ours, socketOf("s0", "fd00::7", "ff02::1:ff00:10", ""), ""},
		})
	}
	check(t, []ruleCase{
		{"l2", byDefault("l2", "bridge", "wire", ask), Kernel, socketOf("s0", wire6, "ff02::1:ff00:10", ""), ""},
		{"at another's socket", byDefault("l3", "private", "wire", ask), Kernel, socketOf("s1", wire6, "ff02::1:ff00:10", ""), ""},
	})
}

func TestRulesOfTheHostForOthersDoNotExplainWhatASlaveSends(t *testing.T) {
	sent := ip4(frame.IPv4{Src: foreign4, Dst: wire4})
	for _, c := range []struct{ rules, want string }{
		{"printf '*filter\\n-A OUTPUT -s 10.0.0.1 -p icmp -j DROP\\nCOMMIT\\n' | iptables-restore", ""},
		{"printf '*filter\\n-A OUTPUT -s 10.0.0.1 -j DROP\\n-A OUTPUT -s 192.0.2.0/24 -j DROP\\nCOMMIT\\n' | iptables-restore", "l3-path"},
		{"iptables -A OUTPUT -d 10.0.0.254 -j DROP", "l3-path"},
		{"iptables -A OUTPUT -s 10.0.0.1 -j DROP; iptables -P OUTPUT DROP", "l3-path"},
		{"printf '*filter\\n:OUTPUT DROP\\n-A OUTPUT -s 10.0.0.1 -j DROP\\nCOMMIT\\n' | iptables-restore", "l3-path"},
		{"true", ""},
	} {
		s := byDefault("l3", "bridge", "s0", sent)
		s.scenario.Setup = []scenario.Command{{At: scenario.Host, Cmd: c.rules}}
		check(t, []ruleCase{{c.rules, s, Ours, arrived("wire", sent, -1), c.want}})
	}
}
