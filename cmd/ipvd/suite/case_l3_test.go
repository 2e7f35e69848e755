package suite

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	frames "ipvd/cmd/ipvconform/frame"
)

const (
	l3Modes = "l3, l3s"
	l3All   = "l3, l3 private, l3 vepa, l3s, l3s private, l3s vepa"

	gate4, gate6 = "10.0.0.253", "fd00::fd" // another router on the wire
	macG         = "02:00:00:00:00:fd"
	away4, away6 = "198.51.100.7", "2001:db8::7" // behind a router
)

// TestCasesOfRouting: what slaves send in l3 and l3s, where the host routes it.
func TestCasesOfRouting(t *testing.T) { casesOfRouting(t, newBench(t)) }

// TestCasesOfRoutingByTheHost: the same where l3 leaves each packet to the host's
// kernel, and so does as the kernel's driver.
func TestCasesOfRoutingByTheHost(t *testing.T) {
	b := newBench(t, "--l3-path", "host")
	b.byHost = true
	casesOfRouting(t, b)
}

func casesOfRouting(t *testing.T, b *bench) {
	for addr, mac := range map[string]string{w4: macW, w6: macW, gate4: macG, gate6: macG} {
		b.host.IP("neigh replace " + addr + " lladdr " + mac + " dev eth0 nud permanent")
	}
	b.notRoutedCases()
	b.routeCases()
	b.otherDeviceCases()
	b.ruleCases()
	b.pathCases()
	b.neighbourCases()
	b.finish()
}

// asKernel says that the host's kernel routes by the master, as for the kernel's
// driver: in l3s it routes, and in l3 a copy of its routes is used.
func (b *bench) asKernel() bool { return b.is("l3") && b.byHost }

// routed sends a datagram at s1 and says where it comes to and with which MAC.
func (b *bench) routed(dst, mac, at string) {
	b.t.Helper()
	m := b.mark()
	b.check(func() { b.send("s1", udp(macM, macM, own(dst, 11), dst, m)) },
		want{"datagram to " + dst, both(has(m), isUDP), at}, want{"datagram to " + dst + " for " + mac, both(has(m), isUDP, to(mac), from(macM)), at})
}

// refusedTo sends a datagram at s1 that must not leave the host.
func (b *bench) refusedTo(dst string) {
	b.t.Helper()
	m := b.mark()
	b.check(func() { b.send("s1", udp(macM, macM, own(dst, 11), dst, m)) }, want{"datagram to " + dst, both(has(m), isUDP), ""})
}

func (b *bench) notRoutedCases() {
	b.run(136, "unicast frame to a group or broadcast address", l3All, func() {
		before := b.verify().Dropped
		for _, dst := range []string{"224.0.0.1", "255.255.255.255"} {
			b.gets("to "+dst, "s1", udp4(macM, macM, s1v4, dst, b.mark()), "")
		}
		if got := b.verify().Dropped - before; got < 2 {
			b.t.Errorf("dropped: %d, want 2", got)
		}
		b.gets("to 10.0.0.255", "s1", udp4(macM, macM, s1v4, "10.0.0.255", b.mark()), "")
		// IPv6 groups have routes.
		at := map[bool]string{true: "", false: "w"}[b.is("l3s")] // l3s-route
		b.gets("to ff02::1", "s1", udp6(macM, macM, s1v6, "ff02::1", b.mark()), at)
	})
	b.run(139, "DAD solicitation for a sibling", l3Modes, func() {
		b.gets("solicitation", "s1", solicit("", macM, "::", s2v6, b.mark()), "s2")
	})
	b.run(141, "IPv6 without a route", l3All, func() { b.refusedTo("2001:db8::1") })
	b.run(153, "to the host", l3All, func() {
		b.host.IP("neigh flush dev eth0 " + s1v4)
		c4, c6 := b.listener(b.host, s1v4), b.listener(b.host, s1v6)
		defer c4.Close()
		defer c6.Close()
		m := b.mark()
		b.check(func() {
			b.send("s1", udp4(macM, macM, s1v4, h4, m), udp6(macM, macM, s1v6, h6, m))
		}, want{"datagram on the wire", both(has(m), isUDP), ""})
		b.delivered(c4, m)
		b.delivered(c6, m)
	})
	b.run(153, "the host's answer", l3Modes, func() {
		if b.is("l3s") { // l3s-host-reach in flows/ipvlan/differences.go
			b.ping(b.boxes[0], h4)
			b.ping(b.boxes[0], h6)
			return
		}
		b.check(func() { b.send("s1", echo(macM, macM, s1v4, h4, b.mark())) }, want{"question for s1", isARP(1, h4, s1v4), "w"})
		b.check(func() { b.send("s1", echo(macM, macM, s1v6, h6, b.mark())) }, want{"solicitation for s1", isND(neighbourSolicit, s1v6), "w"})
	})
}

func (b *bench) routeCases() {
	b.run(142, "default route of the host", l3All, func() {
		b.withRoutes([]string{"default via " + w4, "default via " + w6}, func() {
			b.routed(away4, macW, "w")
			b.routed(away6, macW, "w")
		})
	})
	b.run(145, "unreachable route beside a default", l3Modes, func() {
		b.withRoutes([]string{"default via " + w4, "unreachable " + away4 + "/32", "default via " + w6, "unreachable " + away6 + "/128"}, func() {
			question := map[bool]string{true: "w", false: ""}[b.asKernel()] // l3s-route and l3-no-route in flows/ipvlan/differences.go
			m := b.mark()
			b.check(func() { b.send("s1", udp4(macM, macM, s1v4, away4, m)) },
				want{"question for " + away4, isARP(1, h4, away4), question}, want{"datagram", both(has(m), isUDP), ""})
			b.refusedTo(away6)
		})
	})
	b.run(158, "two next hops", l3Modes, func() {
		b.withRoutes([]string{"198.51.100.0/24 nexthop via " + w4 + " nexthop via " + gate4, "2001:db8::/64 nexthop via " + w6 + " nexthop via " + gate6}, func() {
			// With a device in the key IPv4 takes the first (fib_select_path).
			b.spread("198.51.100.%d", !b.asKernel())
			b.spread("2001:db8::%d", true)
		})
	})
}

// spread sends to many destinations: each is always reached by the same next hop,
// and if wanted both are used.
func (b *bench) spread(pattern string, even bool) {
	b.t.Helper()
	used := map[string]int{}
	for i := range 24 {
		dst, m := fmt.Sprintf(pattern, i+1), b.mark()
		all := b.check(func() {
			for range 3 {
				b.send("s1", udp(macM, macM, own(dst, 11), dst, m))
			}
		}, want{"datagrams to " + dst, both(has(m), isUDP), "w w w"})
		for _, mac := range []string{macW, macG} {
			switch n := count(all, "w", both(has(m), to(mac))); n {
			case 0:
			case 3:
				used[mac]++
			default:
				b.t.Errorf("%d of 3 datagrams to %s go to %s, want all or none", n, dst, mac)
			}
		}
	}
	if both := used[macW] > 0 && used[macG] > 0; both != even {
		b.t.Errorf("next hops by destinations of %s: %v; both wanted: %v", pattern, used, even)
	}
}

// withRoutes adds routes to the host for as long as f runs.
func (b *bench) withRoutes(routes []string, f func()) {
	b.t.Helper()
	for _, r := range routes {
		b.host.IP(family(r) + " route add " + r)
	}
	f()
	for _, r := range routes {
		b.host.IP(family(r) + " route del " + r)
	}
}

// family is the option of ip(8) for what has addresses in it.
func family(words string) string {
	if strings.Contains(words, ":") {
		return "-6"
	}
	return "-4"
}

// otherDeviceCases: the host has another interface, d0, with a network behind
// it. In l3 only the master's IPv4 routes count; in l3s the host routes as it
// does: l3s-route in flows/ipvlan/differences.go.
func (b *bench) otherDeviceCases() {
	far := b.boxes[2]
	far.IP("link add d0 type veth peer name d0 netns " + b.host.Name)
	for ns, n := range map[string]string{far.Name: "2", b.host.Name: "1"} {
		b.existing(ns).IP("addr add 192.168.5." + n + "/24 dev d0")
		b.existing(ns).IP("addr add fd05::" + n + "/64 dev d0 nodad")
		b.existing(ns).IP("link set d0 up")
	}
	// A neighbour that the host has asked for in vain, before there was a carrier, would
	// turn its IPv6 routes away for a minute (RFC 4191, section 3.2).
	b.ping(b.host, "192.168.5.2")
	b.ping(b.host, "fd05::2")
	b.watch("d", far, "d0")
	routes := []string{"default via " + w4, "default via " + w6, "198.51.100.0/24 dev d0 via 192.168.5.2", "2001:db8::/64 dev d0 via fd05::2"}
	b.run(143, "network behind another device", l3Modes, func() {
		b.withRoutes(routes, func() {
			via := map[string]string{away4: "d", away6: "d"}
			if b.is("l3") { // IPv6 prefers the master's routes, but takes others
				via[away4] = "w"
			}
			for dst, at := range via {
				m := b.mark()
				b.check(func() { b.send("s1", udp(macM, macM, own(dst, 11), dst, m)) }, want{"datagram to " + dst, both(has(m), isUDP), at})
			}
		})
	})
	b.run(144, "the host's address on another device", l3Modes, func() {
		c4, c6 := b.listener(b.host, s1v4), b.listener(b.host, s1v6)
		defer c4.Close()
		defer c6.Close()
		b.withRoutes(routes, func() {
			m := b.mark()
			b.send("s1", udp6(macM, macM, s1v6, "fd05::1", m))
			b.delivered(c6, m)
			if b.is("l3") {
				b.routed("192.168.5.1", macW, "w")
				return
			}
			b.send("s1", udp4(macM, macM, s1v4, "192.168.5.1", m))
			b.delivered(c4, m)
		})
	})
	b.host.IP("link del d0")
	b.unwatch("d")
}

// dscp sets the traffic class of an IPv4 frame.
func dscp(f []byte, tos byte) []byte {
	f[15] = tos
	sum := uint32(^binary.BigEndian.Uint16(f[24:])) + uint32(tos)
	binary.BigEndian.PutUint16(f[24:], ^uint16(sum+sum>>16))
	return f
}

func (b *bench) ruleCases() {
	with := func(rule string, f func()) {
		for fam, from := range map[string]string{"-4": s1v4, "-6": s1v6} {
			via := map[string]string{"-4": gate4, "-6": gate6}[fam]
			b.host.IP(fam + " route add default via " + via + " dev eth0 table 100")
			b.host.IP(fam + " rule add " + strings.ReplaceAll(rule, "S1", from) + " lookup 100")
		}
		b.withRoutes([]string{"default via " + w4, "default via " + w6}, f)
		for fam, from := range map[string]string{"-4": s1v4, "-6": s1v6} {
			b.host.IP(fam + " rule del " + strings.ReplaceAll(rule, "S1", from) + " lookup 100")
			b.host.IP(fam + " route flush table 100")
		}
	}
	b.run(146, "rule for a slave's address", l3All, func() {
		with("from S1", func() { b.routed(away4, macG, "w"); b.routed(away6, macG, "w") })
	})
	b.run(146, "rule for a traffic class", l3Modes, func() {
		with("tos 0x10", func() {
			m := b.mark()
			b.check(func() { b.send("s1", dscp(udp4(macM, macM, s1v4, away4, m), 0x10)) }, want{"datagram", both(has(m), isUDP, to(macG)), "w"})
			b.routed(away4, macW, "w")
		})
	})
	b.run(147, "rule for a mark", l3All, func() {
		with("fwmark 5", func() {
			b.routed(away4, macW, "w")
			b.routed(away6, macW, "w")
		})
	})
}

func (b *bench) pathCases() {
	big := func(dst string, size int, df bool) ([]byte, []byte) {
		m := b.mark()
		h := frames.IPv4{Src: s1v4, Dst: dst, ID: 77}
		if df {
			h.Frag = 0x4000
		}
		return odd4(macM, macM, h, append(make([]byte, size-len(m)), m...)), m
	}
	narrow := []string{"198.51.100.0/24 via " + w4 + " mtu 1000", "2001:db8::/64 via " + w6 + " mtu 1280"}
	b.run(150, "longer than the route's MTU", l3All, func() {
		b.withRoutes(narrow, func() {
			f, _ := big(away4, 1400, false)
			b.check(func() { b.send("s1", f) }, want{"fragments", isFragment(away4), "w w"})
		})
	})
	b.run(151, "longer than the route's MTU with DF", l3Modes, func() {
		b.withRoutes(narrow, func() {
			f, m := big(away4, 1400, true)
			// The kernel's driver does not tell the slave: l3-errors.
			told := map[bool]string{true: "", false: "s1"}[b.asKernel()]
			b.check(func() { b.send("s1", f) }, want{"datagram", both(has(m), isUDP), ""}, want{"fragmentation needed", isICMP(3, 4, s1v4), told})
			f = udp6(macM, macM, s1v6, away6, make([]byte, 1400))
			b.check(func() { b.send("s1", f) }, want{"IPv6 datagram", both(same(f), isUDP), ""}, want{"packet too big", isICMPv6(2, s1v6), told})
		})
	})
	b.run(152, "IPv6 longer than the master's MTU", l3Modes, func() {
		b.boxes[0].IP("link set ipvl0 mtu 3000")
		b.awaitMTU(0, 3000)
		f := udp6(macM, macM, s1v6, w6, make([]byte, 2860))
		told := map[bool]string{true: "", false: "s1"}[b.asKernel()]
		b.check(func() { b.send("s1", f) }, want{"datagram", both(same(f), isUDP), ""}, want{"packet too big", isICMPv6(2, s1v6), told})
		b.boxes[0].IP("link set ipvl0 mtu 1500")
		b.awaitMTU(0, 1500)
	})
}

// isFragment matches fragments of an IPv4 packet to dst.
func isFragment(dst string) func([]byte) bool {
	pattern := frames.IPv4{Src: dst, Dst: dst}.Packet(nil)
	return func(f []byte) bool {
		return etherType(f) == frames.TypeIPv4 && len(f) >= 34 && binary.BigEndian.Uint16(f[20:])&0x3fff != 0 && string(f[30:34]) == string(pattern[16:20])
	}
}

// isICMP matches an ICMP message of this type and code to dst.
func isICMP(typ, code byte, dst string) func([]byte) bool {
	pattern := frames.IPv4{Src: dst, Dst: dst}.Packet(nil)
	return func(f []byte) bool {
		return etherType(f) == frames.TypeIPv4 && len(f) >= 36 && f[23] == 1 && f[34] == typ && f[35] == code && string(f[30:34]) == string(pattern[16:20])
	}
}

func isICMPv6(typ byte, dst string) func([]byte) bool {
	pattern := frames.IPv6(dst, dst, 0, 0, nil)
	return func(f []byte) bool {
		return etherType(f) == frames.TypeIPv6 && len(f) >= 55 && f[20] == 58 && f[54] == typ && string(f[38:54]) == string(pattern[24:40])
	}
}
