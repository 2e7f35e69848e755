package ipvlan

import (
	"bytes"
	"fmt"
	"testing"

	"ipvd/flows/wire"
)

func broadcast(src wire.MAC, n int) []byte {
	return ether(macAll, src, wire.TypeIPv4, ip4Len(n, "10.0.0.99", "10.0.0.255"))
}

func TestReplicateTo300Slaves(t *testing.T) {
	l := newLab(t, L2, Bridge, 300)
	frame := broadcast(macM, 100)
	before := l.st.Account()
	l.inject("S7", frame, frame)
	_, sent := l.outcome(before)
	if len(sent) != 300 || sent["S7"] != nil {
		t.Fatalf("%d ports got frames (sender among them: %v), want 300 without the sender", len(sent), sent["S7"] != nil)
	}
	for name, frames := range sent {
		if len(frames) != 2 || !bytes.Equal(frames[0], frame) || !bytes.Equal(frames[1], frame) {
			t.Errorf("%s: got %d frames, want the 2 that were sent", name, len(frames))
		}
	}
	if got, want := l.m.Counters.Replicate.Load(copied), uint64(2*299); got != want {
		t.Errorf("copied: got %d, want %d", got, want)
	}
	if got := l.m.Slaves[8].Stats().Multicast; got != 2 {
		t.Errorf("multicast of S9: got %d, want 2", got)
	}
}

func TestReplicateSurvivesATransmitListThatFillsUp(t *testing.T) {
	l := newLab(t, L2, Bridge, 40, func(l *lab) { l.rt.SetListLen(3) })
	l.ports["WIRE"].Inject(0, broadcast(macW, 60), broadcast(macW, 70))
	l.inject("S1", broadcast(macM, 80))
	for _, name := range []string{"HOST", "WIRE", "S1", "S40"} {
		want := map[string]int{"HOST": 2, "WIRE": 1, "S1": 2, "S40": 3}[name]
		if got := len(l.ports[name].Sent(0)); got != want {
			t.Errorf("%s: got %d frames, want %d", name, got, want)
		}
	}
}

func TestOfGroupsOnlyIPMulticastGoesToSlaves(t *testing.T) {
	for _, c := range []struct {
		dst  wire.MAC
		want string
	}{
		{wire.MAC{0x01, 0x00, 0x5e, 0x00, 0x00, 0x01}, "HOST S1 S2 S3"},
		{wire.MAC{0x01, 0x00, 0x5e, 0x7f, 0xff, 0xff}, "HOST S1 S2 S3"},
		{wire.MAC{0x01, 0x00, 0x5e, 0x80, 0x00, 0x00}, "HOST"}, // MPLS (RFC 5332)
		{wire.MAC{0x01, 0x00, 0x5e, 0xff, 0xff, 0xff}, "HOST"},
		{wire.MAC{0x01, 0x00, 0x5f, 0x00, 0x00, 0x01}, "HOST"},
		{wire.MAC{0x33, 0x33, 0xff, 0xff, 0xff, 0xff}, "HOST S1 S2 S3"},
		{wire.MAC{0x33, 0x34, 0x00, 0x00, 0x00, 0x01}, "HOST"},
		{macAll, "HOST S1 S2 S3"},
	} {
		l := newLab(t, L2, Bridge, 3)
		if got, _ := l.send("WIRE", ether(c.dst, macW, wire.TypeIPv4, ip4("10.0.0.254", "239.1.1.1"))); got != c.want {
			t.Errorf("from the wire to %v: got %q, want %q", c.dst, got, c.want)
		}
	}
}

func TestReplicateWithoutReceivers(t *testing.T) {
	none := newLab(t, L2, Bridge, 0)
	if got, _ := none.send("WIRE", broadcast(macW, 60)); got != "HOST" {
		t.Errorf("no slaves: got %q, want HOST", got)
	}
	one := newLab(t, L2, Bridge, 1)
	if got, _ := one.send("S1", broadcast(macM, 60)); got != "WIRE" {
		t.Errorf("one slave: got %q, want WIRE", got)
	}
}

func TestReplicateLimitCostsOnlyTheSlavesCopies(t *testing.T) {
	for _, at := range []string{"WIRE", "S1"} {
		l := newLab(t, L2, Bridge, 3, with(func(m *Master) { m.ReplicateLimit = 5 }))
		var frames [][]byte
		for i := range 20 {
			frames = append(frames, broadcast(macW, 60+i))
		}
		before := l.st.Account()
		l.inject(at, frames...)
		_, sent := l.outcome(before)
		original := map[string]string{"WIRE": "HOST", "S1": "WIRE"}[at]
		if len(sent[original]) != 20 || len(sent["S2"]) != 5 {
			t.Errorf("from %s: %s got %d, S2 %d, want 20 and 5", at, original, len(sent[original]), len(sent["S2"]))
		}
		for i, f := range sent[original] {
			if len(f) != 14+60+i {
				t.Errorf("from %s: frame %d at %s is out of order", at, i, original)
			}
		}
		if got := dropped(l.m.Counters.Replicate, ReplicateFull); got != 15 {
			t.Errorf("from %s: replicate_full: got %d, want 15", at, got)
		}
		l.inject(at, frames[:4]...)
		if got := len(l.ports["S2"].Sent(0)); got != 4 {
			t.Errorf("from %s: the next step gave S2 %d frames, want 4: the limit is a step's", at, got)
		}
	}
}

func TestReplicateFromASlaveObeysEachReceiversMTU(t *testing.T) {
	l := newLab(t, L2, Bridge, 3, with(func(m *Master) { m.Slaves[1].MTU = 1000 }))
	l.inject("S1", broadcast(macM, 500), broadcast(macM, 1200), broadcast(macM, 600))
	for name, want := range map[string]int{"S2": 2, "S3": 3, "WIRE": 3} {
		if got := len(l.ports[name].Sent(0)); got != want {
			t.Errorf("%s: got %d frames, want %d", name, got, want)
		}
	}
	st := l.m.Slaves[1].Stats()
	if st.RxErrors != 1 || st.RxDropped != 1 || st.RxPackets != 2 || st.Multicast != 2 {
		t.Errorf("S2: got %+v, want 1 error, 1 dropped, 2 packets, 2 multicast", st)
	}
	if st := l.m.Slaves[0].Stats(); st.TxPackets != 3 || st.TxDropped != 0 {
		t.Errorf("S1: got %+v, want 3 sent and none dropped", st)
	}
}

func TestReplicateFromTheWireDoesNotLookAtMTU(t *testing.T) {
	l := newLab(t, L2, Bridge, 2, with(func(m *Master) { m.Slaves[1].MTU = 1000 }))
	if got, _ := l.send("WIRE", broadcast(macW, 1400)); got != "HOST S1 S2" {
		t.Errorf("got %q, want HOST S1 S2", got)
	}
}

func TestMixedBurstKeepsOrderAtEveryReceiver(t *testing.T) {
	l := newLab(t, L2, Bridge, 3)
	var frames [][]byte
	for i := range 60 {
		switch i % 3 {
		case 0:
			frames = append(frames, broadcast(macW, 100+i))
		default:
			to := fmt.Sprintf("10.0.0.%d", 11+i%4)
			frames = append(frames, ether(macM, macW, wire.TypeIPv4, ip4Len(100+i, "10.0.0.254", to)))
		}
	}
	before := l.st.Account()
	l.inject("WIRE", frames...)
	_, sent := l.outcome(before)
	if a := l.st.Account(); a.Delivered != 60+20*3 || a.Dropped != 0 {
		t.Fatalf("account: %+v, want 120 delivered", a)
	}
	for name, got := range sent {
		unicast, group := 0, 0
		for _, f := range got {
			last := &unicast
			if wire.Ethernet(f).Group() {
				last = &group
			}
			if len(f) <= *last {
				t.Errorf("%s: a frame of %d bytes came behind one of %d", name, len(f), *last)
			}
			*last = len(f)
		}
	}
}
