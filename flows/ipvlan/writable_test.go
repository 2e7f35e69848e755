package ipvlan

import (
	"bytes"
	"testing"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// bench is a lab whose stages a test pushes to by hand.
type bench struct {
	*lab
	p *plane
}

func newBench(t *testing.T, stock int) *bench {
	b := &bench{}
	b.lab = newLab(t, L2, Bridge, 2, func(l *lab) { l.cfg.Stock = stock })
	err := b.st.Swap(func(g *flows.Graph) (err error) {
		b.p, err = newPlane(g, b.m)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.st.Step() // fills the stock
	return b
}

// packet is a frame in a buffer, as a burst.
func (b *bench) packet(frame []byte) (*pmd.Mbuf, flows.Burst) {
	m := b.rt.Pool().Get()
	m.SetLen(len(frame))
	copy(m.Data(), frame)
	burst, ok := b.p.vec.Append(m)
	if !ok {
		b.t.Fatal("vector is full")
	}
	return m, burst
}

// sink is where ingress sends to in these tests.
type sink struct{ p *plane }

func (s sink) push(_ int, _ *ingress, b flows.Burst) (bytes uint64) {
	s.p.wire.Push(b)
	return 0
}

// writer is a stage that writes, with a frame that it changes, the port where
// the changed frame arrives, and where the stage counts.
type writer struct {
	stage    flows.Stage
	in, out  []byte
	at       string
	counters *flows.CounterSet
}

func (b *bench) writers() map[string]writer {
	p, host, slave := b.p, b.m.Counters.Host, b.m.Slaves[0].Counters
	toS1 := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.11"))
	foreignARP := ether(macAll, macX, wire.TypeARP, arp(wire.ARPRequest, macX, "10.0.0.11", "10.0.0.254"))
	ownARP := ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.11", "10.0.0.254"))
	class := b.m.Counters.Classify
	return map[string]writer{
		"ingress":     {&ingress{plane: p, first: true, next: sink{p}, counters: slave.Worker(0)}, foreignARP, ownARP, "WIRE", slave},
		"classify":    {&classify{plane: p, counters: class.Worker(0)}, tagged(0, toS1), toS1, "S1", class},
		"tag":         {&tag{plane: p, counters: host.Worker(0)}, toS1, tagged(0, toS1), "HOST", host},
		"to return":   {&toReturn{plane: p, mac: macReturn, next: p.wire, counters: host.Worker(0)}, toS1, turned(toS1, macReturn, macM), "WIRE", host},
		"from return": {&fromReturn{plane: p, counters: host.Worker(0)}, toS1, turned(toS1, macM, macM), "S1", host},
	}
}

func TestSharedPacketsAreCopiedBeforeTheyAreWritten(t *testing.T) {
	b := newBench(t, 8)
	for name, w := range b.writers() {
		m, burst := b.packet(w.in)
		m.AddRefs(1)
		w.stage.Push(burst)
		b.st.Flush()
		if got := b.ports[w.at].Sent(0); len(got) != 1 || !bytes.Equal(got[0], w.out) {
			t.Errorf("%s: %s got % x, want % x", name, w.at, got, w.out)
		}
		if !bytes.Equal(pmdtest.Bytes(m), w.in) {
			t.Errorf("%s: wrote to a packet that is shared", name)
		}
		b.rt.Free(m)
		b.st.Step()
	}
}

func TestSharedPacketsAreDroppedWithoutABuffer(t *testing.T) {
	b := newBench(t, 1)
	b.p.vec.Drop(b.p.vec.Alloc())
	for name, w := range b.writers() {
		m, burst := b.packet(w.in)
		m.AddRefs(1)
		before := dropped(w.counters, NoMbuf)
		w.stage.Push(burst)
		if n := dropped(w.counters, NoMbuf) - before; n != 1 {
			t.Errorf("%s: no_mbuf counted %d times, want 1", name, n)
		}
		if !bytes.Equal(pmdtest.Bytes(m), w.in) {
			t.Errorf("%s: wrote to a packet that is shared", name)
		}
		b.rt.Free(m)
	}
}

func TestTagTakenOffByTheNICIsPutBackForTheHost(t *testing.T) {
	b := newBench(t, 8)
	toS1 := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.11"))
	c := &classify{plane: b.p, counters: b.m.Counters.Classify.Worker(0)}
	c.l2, c.tag = true, &tag{plane: b.p, counters: b.m.Counters.Host.Worker(0)}
	for _, v := range []struct {
		tci  uint16
		at   string
		want []byte
	}{
		{5<<13 | 7, "HOST", tagged(5<<13|7, toS1)},
		{5 << 13, "S1", toS1},
	} {
		m, burst := b.packet(toS1)
		strip(m, v.tci)
		c.Push(burst)
		b.st.Flush()
		if got := b.ports[v.at].Sent(0); len(got) != 1 || !bytes.Equal(got[0], v.want) {
			t.Errorf("tag %#x: %s got % x, want % x", v.tci, v.at, got, v.want)
		}
	}
}

func TestWithoutRoomToSortNoPacketIsLost(t *testing.T) {
	b := newBench(t, 8)
	c := &classify{plane: b.p, counters: b.m.Counters.Classify.Worker(0)}
	c.l2 = true
	var first flows.Burst
	for i, to := range []string{"10.0.0.11", "10.0.0.12", "10.0.0.12", "10.0.0.99", "10.0.0.11"} {
		if _, at := b.packet(ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", to))); i == 0 {
			first = at
		}
	}
	b.p.vec.Grow(b.p.vec.Left() - 4)
	c.Push(flows.Burst{Off: first.Off, N: 5})
	b.st.Flush()
	for name, want := range map[string]int{"S1": 2, "S2": 2, "HOST": 1} {
		if got := len(b.ports[name].Sent(0)); got != want {
			t.Errorf("%s: got %d frames, want %d", name, got, want)
		}
	}
}
