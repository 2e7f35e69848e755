package ipvlan

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"

	"ipvd/flows/wire"
	"ipvd/pmd/pmdtest"
)

func TestAShortcutSendsWhatTheHostWould(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		w.opens(some(1, 100))
		for i, n := range []int{99, 100, 0, 1, 7} {
			p := some(uint16(2+i), n)
			p.ttl, p.tos = uint8(2+60*i), 0
			got := w.goes(p, w.to)
			if !bytes.Equal(got[0], w.wanted(p)) {
				t.Errorf("%d bytes: got\n% x\nwant\n% x", n, got[0], w.wanted(p))
			}
		}
	})
}

func TestAShortcutTakesUnfinishedFrames(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		big := some(1, 4000)
		src := macM
		if w.from == "WIRE" {
			src = macHop
		}
		for _, size := range []int{0, 1000} {
			p := big
			if size == 0 {
				p.data = p.data[:500]
			}
			w.opens(some(9, 1100))
			w.l.injectUnfinished(w.from, p.as(w.in).unfinished(macM, src, size))
			got, want := w.l.ports[w.to].SentUnfinished(0), p.as(w.out).unfinished(w.hop, macM, size)
			if len(got) != 1 || !bytes.Equal(got[0].Bytes, want.Bytes) || got[0].Vnet.CsumStart != want.Vnet.CsumStart {
				t.Fatalf("segments of %d: got %d frames, % x\nwant % x", size, len(got), got, want)
			}
			w.l.m.Flows.EndAll()
		}
	})
}

func TestADatagramWithoutChecksumKeepsNone(t *testing.T) {
	tr := translations()[11] // UDP over IPv4, masquerade
	w := newFlowLab(t, tr).way(tr, true)
	w.opens(some(1, 20))
	f := w.given(some(2, 20))
	f[40], f[41] = 0, 0
	_, sent := w.l.send("S1", f)
	if got := sent["WIRE"]; len(got) != 1 || got[0][40]|got[0][41] != 0 {
		t.Errorf("got % x, want no checksum", got)
	}
}

func TestTheHostSeesWhatTheShortcutMayNotDecide(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		change := func(p packet, f func(b []byte)) []byte {
			b := w.given(p)
			f(b[atIP:])
			if b[atIP]>>4 == 4 {
				b[atIP+10], b[atIP+11] = 0, 0
				sum := wire.Checksum(b[atIP : atIP+int(b[atIP]&0xf)*4])
				b[atIP+10], b[atIP+11] = byte(sum>>8), byte(sum)
			}
			return b
		}
		cases := map[string][]byte{"longer than what came": w.given(some(5, 200)),
			"TTL 1": w.given(packet{ttl: 1, id: 6, data: make([]byte, 10)})}
		if w.in.Proto == wire.ProtoTCP {
			for name, flag := range map[string]uint8{"SYN": wire.TCPSyn, "FIN": wire.TCPFin, "RST": wire.TCPRst} {
				p := some(7, 10)
				p.flags = flag
				cases[name] = w.given(p)
			}
		}
		if w.in.Src.Addr().Is4() {
			cases["first fragment"] = change(some(8, 80), func(b []byte) { b[6] = 0x20 })
			cases["last fragment"] = change(some(8, 80), func(b []byte) { b[7] = 10 })
			cases["option"] = change(some(8, 80), func(b []byte) { b[0] = 0x46 })
		}
		for name, f := range cases {
			w.l.m.Flows.EndAll()
			w.l.m.Flows.Tick(w.l.m.Flows.now.Load() + 2*pauseTicks)
			w.opens(some(1, 100))
			w.goes(some(2, 100), w.to)
			if got, _ := w.l.send(w.from, f); got != w.host {
				t.Errorf("%s: goes to %q, want %q", name, got, w.host)
			}
		}
	})
}

func TestWhatEndsAFlowKeepsBothDirectionsWithTheHost(t *testing.T) {
	tr := translations()[1]
	l := newFlowLab(t, tr)
	out, in := l.way(tr, true), l.way(tr, false)
	out.opens(some(1, 100))
	in.opens(some(1, 100))
	out.goes(some(2, 50), "WIRE")
	in.goes(some(2, 50), "S1")
	fin := some(3, 10)
	fin.flags = wire.TCPFin
	out.opens(fin)
	for i := range uint16(3) {
		out.opens(some(4+i, 50))
		in.opens(some(4+i, 50))
	}
	l.m.Flows.Tick(pauseTicks)
	out.goes(some(11, 50), "WIRE")
	in.goes(some(11, 50), "S1")
}

func TestAShortcutOpensWhenTheHostHasNothingLeft(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		w.goes(some(1, 100), w.host)
		w.goes(some(2, 60), w.host)
		w.returns(some(1, 100))
		w.goes(some(3, 60), w.host)
		w.returns(some(2, 60))
		w.goes(some(4, 60), w.host)
		w.returns(some(3, 60))
		w.returns(some(4, 60))
		w.goes(some(5, 60), w.to)
	})
}

func TestAPacketFromBeforeDoesNotOpenAShortcut(t *testing.T) {
	tr := translations()[0]
	w := newFlowLab(t, tr).way(tr, true)
	w.returns(some(9, 100)) // the flow was not known when it went in
	w.goes(some(1, 100), w.host)
	w.returns(some(8, 100)) // nor now
	w.goes(some(2, 100), w.host)
}

func TestAPacketThatTheHostDropsKeepsTheFlowThere(t *testing.T) {
	tr := translations()[0]
	l := newFlowLab(t, tr)
	w := l.way(tr, true)
	w.goes(some(1, 100), w.host)
	for i := range uint16(5) {
		w.opens(some(2+i, 100))
	}
	l.m.Flows.Tick(roundTicks) // a new round begins
	w.opens(some(9, 100))
	w.goes(some(10, 100), w.to)
}

func TestChangesInTheHostEndEveryShortcut(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		w.opens(some(1, 100))
		w.goes(some(2, 100), w.to)
		w.l.m.Flows.EndAll()
		if w.from == "S1" {
			w.hop = macX // the route leads elsewhere now
		}
		w.goes(some(3, 100), w.host)
		w.goes(some(4, 100), w.host)
		w.returns(some(3, 100))
		w.returns(some(4, 100))
		if got := w.goes(some(5, 100), w.to); !bytes.Equal(got[0], w.wanted(some(5, 100))) {
			t.Errorf("got\n% x\nwant\n% x", got[0], w.wanted(some(5, 100)))
		}
	})
}

func TestTheHostSeesAPacketInEveryPeriod(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		flows := w.l.m.Flows
		flows.SetPeriod(50)
		w.opens(some(1, 100))
		w.goes(some(2, 100), w.to)
		flows.Tick(49)
		w.goes(some(3, 100), w.to)
		flows.Tick(50)
		w.goes(some(4, 100), w.host)
		w.goes(some(5, 100), w.host) // it has not come back: a rule drops it
		flows.Tick(200)
		w.opens(some(6, 100))
		w.goes(some(7, 100), w.to)
	})
}

func TestAHostThatChangesMoreKeepsItsFlows(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		for i := range uint16(5) {
			p := some(1+i, 100)
			w.goes(p, w.host)
			p.tos = 8
			w.returns(p)
		}
		w.opens(some(10, 100))
		w.goes(some(11, 100), w.to)
	})
}

func TestARemovedFlowTakesNoShortcut(t *testing.T) {
	tr := translations()[0]
	l := newFlowLab(t, tr)
	id := l.addFlow(translation{orig: tupleOf(17, "10.0.0.12:1", "192.0.2.1:1"), reply: tupleOf(17, "192.0.2.1:1", "10.0.0.12:1"), fromSlave: true})
	w := l.way(tr, true)
	w.opens(some(1, 100))
	w.goes(some(2, 100), w.to)
	if st := l.m.Flows.Stats(0); !st[0].Fast || st[0].Packets != 1 || st[0].Bytes != 140 || st[0].Host != 1 || st[0].HostBytes != 140 || st[1] != (FlowStats{}) {
		t.Errorf("stats are %+v", st)
	}
	l.m.Flows.Remove(id)
	w.goes(some(3, 100), w.to)
	l.m.Flows.Remove(0)
	w.goes(some(4, 100), w.host)
	if !l.m.Flows.Empty() {
		t.Error("the table is not empty")
	}
}

func TestASlaveThatIsGoneGetsNothingOverAShortcut(t *testing.T) {
	tr := translations()[0]
	l := newFlowLab(t, tr)
	w := l.way(tr, false)
	w.opens(some(1, 100))
	w.goes(some(2, 100), "S1")
	l.m.Slaves = l.m.Slaves[1:]
	if err := l.st.Swap(l.build); err != nil {
		t.Fatal(err)
	}
	w.goes(some(3, 100), "drop:no_slave")
}

func TestPacketsBetweenSlavesTakeTheHostIfTheyAreTo(t *testing.T) {
	tr := translation{orig: tupleOf(17, "10.0.0.11:1", "10.0.0.12:2"), reply: tupleOf(17, "10.0.0.12:2", "10.0.0.11:1"), fromSlave: true}
	l := newLab(t, L3S, Bridge, 2, with(func(m *Master) { m.Flows, m.LocalViaHost = NewFlowTable(), true }))
	if _, err := l.m.Flows.Add(tr.orig, tr.reply, true, true); err != nil {
		t.Fatal(err)
	}
	w := &way{l, tr.orig, tr.orig, "S1", "S2", "RETURN", "RETURN", macM}
	w.goes(some(1, 100), "RETURN")
	got, sent := l.send("RETURN", packet{ttl: 63, id: 1, data: some(1, 100).data}.as(tr.orig).frame(macX, macReturn))
	if got != "S2" || !bytes.Equal(sent["S2"][0], w.wanted(some(1, 100))) {
		t.Fatalf("routed to %q", got)
	}
	w.goes(some(2, 100), "S2")
	l.m.Flows.EndAll()
	w.goes(some(3, 100), "RETURN")
}

func TestAStepWithShortcutsAllocatesNothing(t *testing.T) {
	tr := translations()[1]
	l := newLabOf(t, pmdtest.PortOptions{Discard: true}, L3S, Bridge, 2, with(func(m *Master) { m.Flows = NewFlowTable() }))
	l.addFlow(tr)
	w := l.way(tr, true)
	l.ports["S1"].Replay(0, w.given(some(1, 100)), w.given(some(2, 100)), ether(macM, macM, wire.TypeIPv4, ip4("10.0.0.11", "192.0.2.1")))
	l.ports["HOST"].Replay(0, w.forwarded(some(1, 100)), w.forwarded(some(2, 100)))
	if n := testing.AllocsPerRun(100, func() { l.st.Step() }); n != 0 {
		t.Errorf("%v allocations a step, want 0", n)
	}
	if st := l.m.Flows.Stats(0); st[0].Host == 0 {
		t.Errorf("stats are %+v: no packet was looked up", st)
	}
}

// TestNoPacketOvertakesAnother lets a host keep packets for a while, in order, and
// changes its rules, the flow's state and the time at random.
func TestNoPacketOvertakesAnother(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		tr := translations()[rnd.IntN(20)]
		l := newFlowLab(t, tr)
		w := l.way(tr, rnd.IntN(2) == 0)
		var kept []packet // in the host
		next, want, fast := uint16(1), uint16(1), 0
		for range 3000 {
			switch n := rnd.IntN(100); {
			case n < 40:
				p := some(next, 20+rnd.IntN(3))
				if p.flags = 0; rnd.IntN(200) == 0 {
					p.flags = wire.TCPFin
				}
				next++
				got, sent := l.send(w.from, w.given(p))
				if got == w.host {
					kept = append(kept, p)
				} else if want = inOrder(t, sent[w.to], p, w, want); t.Failed() {
					t.Fatalf("seed %d: %v: packet %d overtakes %d", seed, w.in, p.id, want)
				} else {
					fast++
				}
			case n < 90 && len(kept) > 0:
				_, sent := l.send(w.again, w.forwarded(kept[0]))
				if want = inOrder(t, sent[w.to], kept[0], w, want); t.Failed() {
					t.Fatalf("seed %d: %v: packet %d comes from the host, want %d: % x\nwant % x", seed, w.in, kept[0].id, want-1, sent, w.wanted(kept[0]))
				}
				kept = kept[1:]
			case n < 92:
				l.m.Flows.EndAll()
			case n < 95:
				l.m.Flows.Tick(l.m.Flows.now.Load() + uint32(rnd.IntN(int(roundTicks)/2)))
			}
			if len(kept) == 0 && rnd.IntN(10) == 0 {
				l.m.Flows.Tick(l.m.Flows.now.Load() + uint32(rnd.IntN(2*pauseTicks)))
			}
		}
		if fast < 20 {
			t.Errorf("seed %d: %d packets took the shortcut", seed, fast)
		}
	}
}

// inOrder wants one frame, of packet p, which must be the next.
func inOrder(t *testing.T, frames [][]byte, p packet, w *way, want uint16) uint16 {
	if len(frames) != 1 || !bytes.Equal(frames[0], w.wanted(p)) || p.id != want {
		t.Fail()
	}
	return want + 1
}

func TestFlowsThatCannotBeAreRefused(t *testing.T) {
	tab := NewFlowTable()
	ok := tupleOf(wire.ProtoTCP, "10.0.0.1:1", "10.0.0.2:2")
	for name, c := range map[string][2]Tuple{
		"ICMP":           {tupleOf(wire.ProtoICMP, "10.0.0.1:1", "10.0.0.2:2"), ok},
		"no address":     {ok, {Proto: wire.ProtoTCP}},
		"two families":   {ok, tupleOf(wire.ProtoTCP, "10.0.0.1:1", "[fd00::1]:2")},
		"mapped address": {ok, tupleOf(wire.ProtoTCP, "[::ffff:10.0.0.1]:1", "[fd00::1]:2")},
	} {
		if _, err := tab.Add(c[0], c[1], true, false); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := tab.Add(ok, ok.back(), true, false); err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Add(ok, ok.back(), true, false); !errors.Is(err, ErrFlowKnown) {
		t.Errorf("the same again: %v, want ErrFlowKnown", err)
	}
	if tab.Len() != 1 {
		t.Errorf("%d flows, want 1", tab.Len())
	}
}

// manyFlow is a flow of its own for every number.
func manyFlow(i int) (orig, reply Tuple) {
	slave, world := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), netip.MustParseAddr("192.0.2.1")
	if i%2 == 1 {
		slave, world = netip.AddrFrom16([16]byte{0xfd, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}), netip.MustParseAddr("2001:db8::1")
	}
	orig = Tuple{Src: netip.AddrPortFrom(slave, 1000), Dst: netip.AddrPortFrom(world, 53), Proto: wire.ProtoUDP}
	return orig, orig.back()
}

func TestManyFlowsComeAndGo(t *testing.T) {
	tab, ids := NewFlowTable(), map[int]FlowID{}
	rnd, waited := rand.New(rand.NewPCG(1, 2)), 0
	for range 60000 {
		i := rnd.IntN(20000)
		if id, ok := ids[i]; ok {
			tab.Remove(id)
			delete(ids, i)
		} else {
			orig, reply := manyFlow(i)
			id, err := tab.Add(orig, reply, true, false)
			if err != nil {
				t.Fatal(err)
			}
			ids[i] = id
		}
		if rnd.IntN(1000) == 0 {
			if err := tab.Reclaim(func() error { waited++; return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 20000 {
		orig, _ := manyFlow(i)
		k := orig.key(fromSlave)
		n, found := tab.find(&k)
		if id, want := ids[i]; found != want || found && FlowID(n) != id {
			t.Fatalf("flow %d: found %v at %d, want %v at %d", i, found, n, want, id)
		}
	}
	if tab.Len() != len(ids) || waited == 0 || tab.made > 2*21000 {
		t.Errorf("%d flows, want %d; waited %d times for the workers; %d halves were made", tab.Len(), len(ids), waited, tab.made)
	}
}

func TestRoomIsNotReusedWhileAWorkerMaySeeIt(t *testing.T) {
	tab := NewFlowTable()
	orig, reply := manyFlow(0)
	id, err := tab.Add(orig, reply, true, false)
	if err != nil {
		t.Fatal(err)
	}
	tab.Remove(id)
	stuck := errors.New("stuck")
	if err := tab.Reclaim(func() error { return stuck }); !errors.Is(err, stuck) {
		t.Errorf("got %v, want the error", err)
	}
	if again, _ := tab.Add(orig, reply, true, false); again == id {
		t.Error("the room of a removed flow is used again at once")
	}
	if err := tab.Reclaim(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	orig, reply = manyFlow(2)
	if again, _ := tab.Add(orig, reply, true, false); again != id {
		t.Errorf("flow %d, want the room of %d", again, id)
	}
}

func TestTheShortcutsWayIsInThePicture(t *testing.T) {
	tr := translations()[0]
	l := newFlowLab(t, tr)
	for _, edge := range []string{`"eth0 to host" -> "eth0 deliver"`, `"eth0 egress l3s" -> "eth0 to wire"`} {
		if dot := l.st.DOT(); !bytes.Contains([]byte(dot), []byte(edge)) {
			t.Errorf("%s is not in\n%s", edge, dot)
		}
	}
}

func TestAShortcutWaitsForWhatAnotherWorkerHasQueued(t *testing.T) {
	var steps stepsOf
	var r round
	const own, other = 0, 1
	r.by.Store(stepOf(other, 7))
	r.at.Store(100)
	for _, c := range []struct {
		worker int
		step   uint64
		now    uint32
		want   bool
	}{{own, 7, 100, true}, {other, 7, 101, false}, {other, 8, 101, false}, {other, 9, 101, true}, {other, 7, 102, true}} {
		r.by.Store(stepOf(c.worker, 7))
		steps.note(c.worker, c.step)
		if got := steps.sent(&r, own, c.now); got != c.want {
			t.Errorf("worker %d in step %d, tick %d: sent %v, want %v", c.worker, c.step, c.now, got, c.want)
		}
	}
}

func TestARoundMayBeginInTheMiddleOfAMergedFrame(t *testing.T) {
	tr := translations()[1] // TCP over IPv4, masquerade
	w := newFlowLab(t, tr).way(tr, true)
	first, second := some(1, 1000), some(2, 1000)
	w.returns(some(7, 10)) // the flow is not given to the host yet
	w.goes(second, w.host)
	merged := first
	merged.data = append(append([]byte(nil), first.data...), second.data...)
	w.l.injectUnfinished("HOST", merged.as(w.out).unfinished(macHop, macM, 1000))
	w.l.ports["WIRE"].Sent(0)
	w.goes(some(3, 1000), w.to)
}
