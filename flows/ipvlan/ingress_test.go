package ipvlan

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"ipvd/flows"
	"ipvd/flows/wire"
)

// claims are frames in which a slave bears mac, in each place where it can.
func claims(mac wire.MAC) map[string][]byte {
	v6 := func(p []byte) []byte { return ether(macNodes6, macM, wire.TypeIPv6, p) }
	hidden := ns("fd00::11", "ff02::1", "fd00::ee", mac)
	hidden = ip6("fd00::11", "ff02::1", 0, append([]byte{wire.ProtoICMPv6, 0, 1, 4, 0, 0, 0, 0}, hidden[wire.IPv6Len:]...))
	rs := icmp6("fe80::11", "ff02::2", wire.NDRouterSolicit, make([]byte, 4), []byte{1, 1}, mac[:])
	ra := icmp6("fe80::11", "ff02::1", wire.NDRouterAdvert, make([]byte, 12), []byte{5, 1, 0, 0, 0, 0, 5, 220}, []byte{1, 1}, mac[:])
	return map[string][]byte{
		"source address":             ether(macW, mac, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.254")),
		"source address of no IP":    ether(macW, mac, 0x88b5, make([]byte, 46)),
		"ARP sender":                 ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, mac, "10.0.0.11", "10.0.0.254")),
		"ARP sender and source":      ether(macAll, mac, wire.TypeARP, arp(wire.ARPReply, mac, "10.0.0.11", "10.0.0.254")),
		"solicitation":               v6(ns("fd00::11", "ff02::1:ff00:ee", "fd00::ee", mac)),
		"advertisement":              v6(na("fd00::11", "ff02::1", "fd00::11", mac)),
		"router solicitation":        v6(rs),
		"router advertisement":       v6(ra),
		"behind a hop-by-hop header": v6(hidden),
	}
}

func TestForeignSourceMACIsRewritten(t *testing.T) {
	want := claims(macM)
	for name, frame := range claims(macX) {
		l := newLab(t, L2, Bridge, 1)
		if got, sent := l.send("S1", frame); got != "WIRE" || !bytes.Equal(sent["WIRE"][0], want[name]) {
			t.Errorf("%s: %s got\n% x\nwant at WIRE\n% x", name, got, sent["WIRE"], want[name])
		}
	}
}

func TestForeignSourceMACIsDropped(t *testing.T) {
	own := claims(macM)
	for name, frame := range claims(macX) {
		l := newLab(t, L2, Bridge, 1, with(func(m *Master) { m.SourceMAC = DropForeign }))
		if got, _ := l.send("S1", frame); got != "drop:foreign_source" {
			t.Errorf("%s: got %q, want drop:foreign_source", name, got)
		}
		if n := dropped(l.m.Slaves[0].Counters, ForeignSource); n != 1 {
			t.Errorf("%s: counted %d times at the slave, want 1", name, n)
		}
		if got, _ := l.send("S1", own[name]); got != "WIRE" {
			t.Errorf("%s with the master's MAC: got %q, want WIRE", name, got)
		}
	}
}

func TestForeignSourceMACPasses(t *testing.T) {
	for name, frame := range claims(macX) {
		l := newLab(t, L2, Bridge, 1, with(func(m *Master) { m.SourceMAC = Pass }))
		if got, sent := l.send("S1", frame); got != "WIRE" || !bytes.Equal(sent["WIRE"][0], frame) {
			t.Errorf("%s: %s got\n% x\nwant at WIRE unchanged\n% x", name, got, sent["WIRE"], frame)
		}
	}
}

func TestPassedFramesAreComparedWithThemselves(t *testing.T) {
	pass := []option{with(func(m *Master) { m.SourceMAC = Pass })}
	toS2 := func(dst, src wire.MAC) []byte { return ether(dst, src, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.12")) }
	runAll(t, []scenario{
		{name: "both addresses foreign and equal", modes: "l2", flags: "b", at: "S1", frame: toS2(macX, macX), want: "S2", opts: pass},
		{name: "to the master's MAC from a foreign one", modes: "l2", flags: anyFlag, at: "S1", frame: toS2(macM, macX), want: "WIRE", opts: pass},
	})
}

func TestWhatBelongsToOthersIsLeftAlone(t *testing.T) {
	redirect := icmp6("fe80::11", "fd00::ee", wire.NDRedirect, make([]byte, 36), []byte{2, 1}, macX[:])
	broken := ns("fd00::11", "ff02::1", "fd00::ee", macX)
	broken[len(broken)-7] = 0 // the option's length
	runAll(t, []scenario{
		{name: "redirect to another router", modes: "l2", flags: "b", at: "S1", want: "WIRE",
			frame: ether(macW, macM, wire.TypeIPv6, redirect)},
		{name: "option of length zero", modes: "l2", flags: "b", at: "S1", want: "S2 S3 WIRE",
			frame: ether(macNodes6, macM, wire.TypeIPv6, broken)},
		{name: "ARP target", modes: "l2", flags: "b", at: "S1", want: "S2 S3 WIRE",
			frame: func() []byte {
				f := ether(macAll, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.11", "10.0.0.254"))
				copy(f[14+18:], macX[:])
				return f
			}()},
	})
}

func TestRewriteNeedsABufferOnlyForSharedFrames(t *testing.T) {
	l := newLab(t, L2, Bridge, 1, func(l *lab) { l.cfg.Stock = 1 })
	frame := claims(macX)["source address"]
	l.inject("S1", frame, frame, frame)
	if got := len(l.ports["WIRE"].Sent(0)); got != 3 {
		t.Errorf("got %d frames, want 3", got)
	}
}

// TestFramesAreAdmittedWhereTheyAreRead: egress stages read frames before ingress does,
// unless somebody looks on, and the same becomes of them.
func TestFramesAreAdmittedWhereTheyAreRead(t *testing.T) {
	for _, tc := range []struct {
		mode Mode
		flag Flag
		opts []option
	}{{L2, Bridge, nil}, {L2, Private, nil}, {L2, VEPA, nil}, {L3, Bridge, nil}, {L3, Bridge, []option{with(routes)}}, {L3S, Bridge, nil}} {
		for _, policy := range []SourceMAC{Rewrite, DropForeign, Pass} {
			compareAdmitted(t, tc.mode, tc.flag, policy, append(tc.opts, with(func(m *Master) { m.SourceMAC = policy })))
		}
	}
}

func compareAdmitted(t *testing.T, mode Mode, flag Flag, policy SourceMAC, opts []option) {
	t.Helper()
	read, looked := newLab(t, mode, flag, 2, opts...), newLab(t, mode, flag, 2, opts...)
	err := looked.st.Swap(func(g *flows.Graph) error {
		g.Watch(&diary{})
		return looked.build(g)
	})
	if err != nil {
		t.Fatal(err)
	}
	frames := [][]byte{{}, macM[:], from1("198.51.7.7"), ether(macM, macM, wire.TypeIPv6, udp6("fd00::11", "fd00::12")), ether(macW, macM, wire.TypeIPv6, udp6("fd00::11", "fd00::ee"))}
	for _, mac := range []wire.MAC{macM, macX} {
		frames = slices.AppendSeq(frames, maps.Values(claims(mac)))
	}
	rnd := rand.New(rand.NewPCG(5, uint64(policy)))
	for range 1500 {
		f := oddPacket(rnd, []wire.MAC{macM, macW}[rnd.IntN(2)])
		if rnd.IntN(3) == 0 {
			copy(f[6:], macX[:])
		}
		frames = append(frames, f)
	}
	outcomes := map[string]int{}
	for _, f := range frames {
		before := [2]uint64{read.ports["S1"].Rx()[0].Stats().Bytes, looked.ports["S1"].Rx()[0].Stats().Bytes}
		got, frames := read.send("S1", f)
		want, sent := looked.send("S1", f)
		if got != want || !reflect.DeepEqual(frames, sent) {
			t.Fatalf("%v, %v, policy %v, frame % x:\n%s: % x\nbut by ingress first\n%s: % x", mode, flag, policy, f, got, frames, want, sent)
		}
		if n, m := read.ports["S1"].Rx()[0].Stats().Bytes-before[0], looked.ports["S1"].Rx()[0].Stats().Bytes-before[1]; n != uint64(len(f)) || m != n {
			t.Fatalf("%v, %v, policy %v, frame % x: counted %d and %d bytes", mode, flag, policy, f, n, m)
		}
		outcomes[got]++
	}
	if len(outcomes) < 3 || (outcomes["drop:foreign_source"] > 0) != (policy == DropForeign) {
		t.Errorf("%v, %v, policy %v: %v", mode, flag, policy, outcomes)
	}
}
