package ipvlan

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"ipvd/flows/route"
	"ipvd/flows/wire"
	"ipvd/pmd/pmdtest"
)

var macG = wire.MAC{2, 0, 0, 0, 0, 0xfd} // of another router

// routes are what the routing labs know: a router .254 and one .253, neighbours on
// the link, and every kind of route.
func routes(m *Master) {
	m.Routing = NewRouting()
	f := m.Routing.FIB
	l := f.Load()
	add := func(table uint32, p string, s route.Spec) {
		l.Add(route.Route{Table: table, Dst: netip.MustParsePrefix(p), Spec: s})
	}
	router, other := netip.MustParseAddr("10.0.0.254"), netip.MustParseAddr("10.0.0.253")
	router6 := netip.MustParseAddr("fe80::fe")
	for _, p := range []string{"10.0.0.0/24", "fd00::/64"} {
		add(254, p, route.Spec{})
	}
	add(255, "10.0.0.1/32", route.Spec{Kind: route.Host})
	add(254, "198.51.0.0/16", route.Spec{Via: router})
	add(254, "198.51.100.0/24", route.Spec{Via: other})
	add(254, "198.51.101.0/24", route.Spec{Via: router, MTU: 1000})
	add(254, "198.51.102.0/24", route.Spec{Kind: route.Blackhole})
	add(254, "198.51.103.0/24", route.Spec{Kind: route.Unreachable})
	add(254, "198.51.104.0/24", route.Spec{Kind: route.Prohibit})
	add(254, "198.51.105.0/24", route.Spec{Kind: route.Throw})
	add(254, "198.51.106.0/24", route.Spec{Paths: []route.Path{{Via: router, Weight: 1}, {Via: other, Weight: 1}}})
	add(253, "198.51.105.0/24", route.Spec{Via: other})
	add(100, "0.0.0.0/0", route.Spec{Via: other})
	add(254, "2001:db8::/32", route.Spec{Via: router6})
	add(254, "2001:db8:1::/48", route.Spec{Via: router6, MTU: 1280})
	add(254, "2001:db8:2::/48", route.Spec{Kind: route.Unreachable})
	tables := func(first ...route.Rule) []route.Rule {
		return append(first, route.Rule{Table: 255}, route.Rule{Priority: 32766, Table: 254}, route.Rule{Priority: 32767, Table: 253})
	}
	f.Use(l, route.Policy{
		Rules4: tables(route.Rule{From: netip.MustParsePrefix("10.0.0.12/32"), Table: 100}, route.Rule{TOS: 0x10, Table: 100}), Rules6: tables(),
		OnLink: m.CompatKernel,
	})
	for a, mac := range map[netip.Addr]wire.MAC{router: macW, other: macG, router6: macW, netip.MustParseAddr("10.0.0.99"): macX, netip.MustParseAddr("fd00::99"): macX} {
		f.Neighbours.Set(a, route.Usable, mac[:])
	}
	f.Neighbours.Set(netip.MustParseAddr("10.0.0.98"), route.Failed, nil)
	f.SetSources(route.Sources{V4: 10<<24 | 1, V6: netip.MustParseAddr("fd00::1").As16()})
}

// tos is an alteration of ip4.
func tos(v byte) func([]byte) { return func(b []byte) { b[1] = v } }

// df sets the flag that forbids fragments.
func df(b []byte) { b[6] |= 0x40 }

// flipped is a frame with one bit of its IPv4 packet's checksum wrong.
func flipped(frame []byte) []byte {
	frame[24] ^= 1
	return frame
}

// behind is what a frame has behind its packet.
var behind = []byte{1, 2, 3}

func from1(dst string, alter ...func([]byte)) []byte {
	return ether(macX, macM, wire.TypeIPv4, ip4("10.0.0.11", dst, alter...))
}

func TestL3RoutesWhatASlaveSends(t *testing.T) {
	big := func(n int, dst string, alter ...func([]byte)) []byte {
		return ether(macX, macM, wire.TypeIPv4, ip4Len(n, "10.0.0.11", dst, alter...))
	}
	v6 := func(dst string) []byte { return ether(macX, macM, wire.TypeIPv6, udp6("fd00::11", dst)) }
	big6 := func(dst string) []byte {
		return ether(macX, macM, wire.TypeIPv6, ip6("fd00::11", dst, wire.ProtoUDP, make([]byte, 1300)))
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  string
		mac   wire.MAC // of the next hop
		icmp  [2]byte  // type and code of what S1 gets
	}{
		{"by a router", from1("198.51.7.7"), "WIRE", macW, [2]byte{}},
		{"with TTL 1", from1("198.51.7.7", ttl(1)), "WIRE", macW, [2]byte{}},
		{"by the longer prefix", from1("198.51.100.7"), "WIRE", macG, [2]byte{}},
		{"to a neighbour", from1("10.0.0.99"), "WIRE", macX, [2]byte{}},
		{"to the host", from1("10.0.0.1"), "PUNT", wire.MAC{}, [2]byte{}},
		{"to a sibling", from1("10.0.0.12"), "S2", wire.MAC{}, [2]byte{}},
		{"by a rule for its source", ether(macX, macM, wire.TypeIPv4, ip4("10.0.0.12", "198.51.7.7")), "WIRE", macG, [2]byte{}},
		{"by a rule for its class", from1("198.51.7.7", tos(0x11)), "WIRE", macG, [2]byte{}},
		{"by the table behind a throw route", from1("198.51.105.7"), "WIRE", macG, [2]byte{}},
		{"to a neighbour that is not known yet", from1("10.0.0.97"), "PUNT", wire.MAC{}, [2]byte{}},
		{"without a route", from1("203.0.113.7"), "S1 drop:no_route", wire.MAC{}, [2]byte{3, 0}},
		{"blackhole", from1("198.51.102.7"), "drop:blackhole", wire.MAC{}, [2]byte{}},
		{"unreachable", from1("198.51.103.7"), "S1 drop:unreachable", wire.MAC{}, [2]byte{3, 1}},
		{"prohibit", from1("198.51.104.7"), "S1 drop:prohibited", wire.MAC{}, [2]byte{3, 13}},
		{"within the route's MTU", big(1000, "198.51.101.7", df), "WIRE", macW, [2]byte{}},
		{"longer than the route's MTU", big(1001, "198.51.101.7"), "PUNT", wire.MAC{}, [2]byte{}},
		{"longer than the route's MTU, with DF", big(1001, "198.51.101.7", df), "S1 drop:l3_too_big", wire.MAC{}, [2]byte{3, 4}},
		{"longer than the master's MTU, with DF", big(1501, "198.51.7.7", df), "S1 drop:l3_too_big", wire.MAC{}, [2]byte{3, 4}},
		{"with a wrong checksum", flipped(from1("198.51.7.7")), "PUNT", wire.MAC{}, [2]byte{}},
		{"with bytes behind it", append(from1("198.51.7.7"), behind...), "WIRE", macW, [2]byte{}},
		{"from loopback", ether(macX, macM, wire.TypeIPv4, ip4("127.0.0.1", "198.51.7.7")), "PUNT", wire.MAC{}, [2]byte{}},
		{"to loopback", from1("127.0.0.1"), "PUNT", wire.MAC{}, [2]byte{}},
		{"to a class E address", from1("240.0.0.1"), "PUNT", wire.MAC{}, [2]byte{}},
		{"to a group", from1("224.0.0.1"), "drop:l3_destination", wire.MAC{}, [2]byte{}},
		{"IPv6 by a router", v6("2001:db8::7"), "WIRE", macW, [2]byte{}},
		{"IPv6 to a neighbour", v6("fd00::99"), "WIRE", macX, [2]byte{}},
		{"IPv6 without a route", v6("2001:db9::7"), "S1 drop:no_route", wire.MAC{}, [2]byte{1, 0}},
		{"IPv6 unreachable", v6("2001:db8:2::7"), "S1 drop:unreachable", wire.MAC{}, [2]byte{1, 0}},
		{"IPv6 longer than the route's MTU", big6("2001:db8:1::7"), "S1 drop:l3_too_big", wire.MAC{}, [2]byte{2, 0}},
		{"IPv6 from an IPv4-mapped address", ether(macX, macM, wire.TypeIPv6, udp6("::ffff:10.0.0.11", "2001:db8::7")), "PUNT", wire.MAC{}, [2]byte{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, L3, Bridge, 2, with(routes))
			got, sent := l.send("S1", c.frame)
			if got != c.want {
				t.Fatalf("came to %q, want %q", got, c.want)
			}
			if strings.HasPrefix(got, "WIRE") {
				if want := slices.Concat(c.mac[:], macM[:], bytes.TrimSuffix(c.frame[12:], behind)); !bytes.Equal(sent["WIRE"][0], want) {
					t.Errorf("sent %x\nwant %x", sent["WIRE"][0], want)
				}
			}
			if c.icmp != [2]byte{} {
				checkError(t, sent["S1"][0], c.frame, c.icmp)
			}
		})
	}
}

// checkError looks at an ICMP error about frame.
func checkError(t *testing.T, got, frame []byte, want [2]byte) {
	t.Helper()
	e := wire.Ethernet(got)
	if e.Dst() != macM || e.Src() != macM || e.Type() != wire.Ethernet(frame).Type() {
		t.Fatalf("error in frame %x", got[:14])
	}
	var icmp, quoted []byte
	var sum uint64
	if e.Type() == wire.TypeIPv4 {
		p, ok := wire.ParseIPv4(e.Payload(), len(got)-14)
		if !ok || wire.Checksum(p[:20]) != 0 || p.Src() != 10<<24|1 || p.Dst() != wire.IPv4(frame[14:]).Src() {
			t.Fatalf("error is %x", got)
		}
		icmp = p.Payload()
	} else {
		p, ok := wire.ParseIPv6(e.Payload())
		if !ok || !bytes.Equal(p[8:24], addr("fd00::1")) || !bytes.Equal(p[24:40], frame[22:38]) {
			t.Fatalf("error is %x", got)
		}
		icmp, sum = p.Payload(), wire.PseudoSum6(p, wire.ProtoICMPv6, len(p.Payload()))
	}
	if wire.Fold(wire.Sum(icmp, sum)) != 0xffff {
		t.Errorf("wrong checksum: %x", icmp)
	}
	if quoted = icmp[8:]; [2]byte(icmp) != want || !bytes.HasPrefix(frame[14:], quoted) || len(quoted) < 48 {
		t.Errorf("error of type and code %d, want %d, about %x", icmp[:2], want, quoted)
	}
	if mtu := binary.BigEndian.Uint32(icmp[4:]); (want == [2]byte{3, 4} || want == [2]byte{2, 0}) != (mtu != 0) {
		t.Errorf("type and code %d tell an MTU of %d", want, mtu)
	}
}

func TestL3AsTheKernelTakesWhatHasNoRouteForOnLink(t *testing.T) {
	l := newLab(t, L3, Bridge, 1, func(l *lab) { l.m.CompatKernel = true }, with(routes))
	l.m.Routing.FIB.Neighbours.Set(netip.MustParseAddr("203.0.113.7"), route.Usable, macX[:])
	l.m.Routing.FIB.Neighbours.Set(netip.MustParseAddr("198.51.103.7"), route.Usable, macX[:])
	for _, dst := range []string{"203.0.113.7", "198.51.103.7"} {
		got, sent := l.send("S1", from1(dst))
		if got != "WIRE" || wire.Ethernet(sent["WIRE"][0]).Dst() != macX {
			t.Errorf("to %s: came to %q", dst, got)
		}
	}
}

func TestL3WithoutRoutesLeavesAllToTheHost(t *testing.T) {
	l := newLab(t, L3, Bridge, 1, with(func(m *Master) { m.Routing = NewRouting() }))
	for _, f := range [][]byte{from1("198.51.7.7"), ether(macX, macM, wire.TypeIPv6, udp6("fd00::11", "2001:db8::7"))} {
		if got, _ := l.send("S1", f); got != "PUNT" {
			t.Errorf("came to %q, want PUNT", got)
		}
	}
}

func TestL3SharesFlowsOutAmongPaths(t *testing.T) {
	l := newLab(t, L3, Bridge, 1, with(routes))
	used := map[wire.MAC]int{}
	for i := range 40 {
		dst, first := netip.AddrFrom4([4]byte{198, 51, 106, byte(i)}).String(), wire.MAC{}
		for n := range 3 {
			_, sent := l.send("S1", from1(dst))
			mac := wire.Ethernet(sent["WIRE"][0]).Dst()
			if n > 0 && mac != first {
				t.Fatalf("packets to %s go by %v and %v", dst, first, mac)
			}
			first = mac
		}
		used[first]++
	}
	if used[macW] < 8 || used[macG] < 8 {
		t.Errorf("of 40 destinations %d go by one router and %d by the other", used[macW], used[macG])
	}
}

func TestL3BoundsWhatWaitsForANeighbour(t *testing.T) {
	l := newLab(t, L3, Bridge, 1, with(routes))
	count := func(dst string, n int) map[string]int {
		all := map[string]int{}
		for range n {
			got, _ := l.send("S1", from1(dst))
			all[got]++
		}
		return all
	}
	if got := count("10.0.0.97", 70); got["PUNT"] != 64 || got["drop:neighbour_queue"] != 6 {
		t.Errorf("70 packets for an unknown neighbour: %v", got)
	}
	if got := count("10.0.0.98", 10); got["PUNT"] != 1 || got["S1 drop:neighbour_failed"] != 9 {
		t.Errorf("10 packets for one that does not answer: %v", got)
	}
	for range 5 * route.TicksPerSecond {
		l.m.Routing.FIB.Tick()
	}
	if got := count("10.0.0.97", 2); got["PUNT"] != 2 {
		t.Errorf("2 packets after a while: %v", got)
	}
	l.m.Routing.FIB.Neighbours.Set(netip.MustParseAddr("10.0.0.97"), route.Usable, macX[:])
	if got := count("10.0.0.97", 1); got["WIRE"] != 1 {
		t.Errorf("a packet when it has answered: %v", got)
	}
}

func TestL3SendsASlaveFewErrors(t *testing.T) {
	l := newLab(t, L3, Bridge, 2, with(routes))
	told := func(at string, f []byte) (n int) {
		for range 40 {
			if got, _ := l.send(at, f); strings.HasPrefix(got, at) {
				n++
			}
		}
		return n
	}
	if n := told("S1", from1("203.0.113.7")); n != errorsPerTick {
		t.Errorf("40 packets without a route gave %d errors", n)
	}
	if n := told("S2", ether(macX, macM, wire.TypeIPv4, ip4("10.0.0.13", "198.51.103.7"))); n != errorsPerTick {
		t.Errorf("another slave's gave %d errors", n)
	}
	l.m.Routing.FIB.Tick()
	if n := told("S1", from1("203.0.113.7")); n != errorsPerTick {
		t.Errorf("40 packets in the next tick gave %d errors", n)
	}
	l.m.Routing.FIB.Tick()
	about := func(name string, alter func([]byte)) {
		if got, _ := l.send("S1", from1("203.0.113.7", alter)); got != "drop:no_route" {
			t.Errorf("%s without a route: %s", name, got)
		}
	}
	about("a fragment", func(b []byte) { b[7] = 1 })
	about("an error", func(b []byte) { b[9], b[20] = wire.ProtoICMP, wire.ICMPUnreachable })
}

// TestUnfinishedPacketsAreRouted: with a checksum to be completed, and standing for
// many.
func TestUnfinishedPacketsAreRouted(t *testing.T) {
	l := newOffloadLab(t, L3, 2)
	routes(l.m)
	if err := l.st.Swap(l.build); err != nil {
		t.Fatal(err)
	}
	frame := ether(macX, macM, wire.TypeIPv4, ip4Len(14000, "10.0.0.11", "198.51.7.7", df))
	l.injectUnfinished("S1", unfinished(frame, 1400))
	sent := l.ports["WIRE"].Sent(0)
	if len(sent) != 10 {
		t.Fatalf("the wire got %d frames, want 10", len(sent))
	}
	for _, f := range sent {
		if e := wire.Ethernet(f); e.Dst() != macW || e.Src() != macM {
			t.Errorf("a segment is from %v to %v", e.Src(), e.Dst())
		}
	}
	l.injectUnfinished("S1", unfinished(ether(macX, macM, wire.TypeIPv4, ip4Len(1400, "10.0.0.11", "198.51.7.7")), 0))
	if sent := l.ports["WIRE"].Sent(0); len(sent) != 1 || wire.Ethernet(sent[0]).Dst() != macW {
		t.Errorf("a frame whose checksum is to be completed gave %d frames", len(sent))
	}
	l.injectUnfinished("S1", unfinished(ether(macX, macM, wire.TypeIPv4, ip4Len(14000, "10.0.0.11", "198.51.101.7", df)), 1400))
	if got, _ := l.outcome(l.st.Account()); got != "S1" {
		t.Errorf("segments over the route's MTU came to %q, want an error at S1", got)
	}
}

func TestRoutingAllocatesNothing(t *testing.T) {
	l := newLabOf(t, pmdtest.PortOptions{Discard: true}, L3, Bridge, 3, with(routes))
	l.ports["S1"].Replay(0, from1("198.51.7.7"), from1("198.51.106.9"), from1("10.0.0.99"), from1("10.0.0.12"), from1("203.0.113.7"),
		from1("10.0.0.97"), from1("198.51.103.7"), ether(macX, macM, wire.TypeIPv6, udp6("fd00::11", "2001:db8::7")),
		ether(macX, macM, wire.TypeIPv6, udp6("fd00::11", "fd00::99")))
	l.st.Step()
	if n := testing.AllocsPerRun(100, func() { l.st.Step() }); n != 0 {
		t.Errorf("%v allocations a step, want 0", n)
	}
	l.st.Flush()
	if d := l.st.Account().Difference(); d != 0 {
		t.Errorf("account differs by %d", d)
	}
}
