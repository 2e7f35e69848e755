package ipvlan

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd/pmdtest"
)

func TestBuildRefusesAnIncompleteMaster(t *testing.T) {
	for _, c := range []struct {
		word  string
		mode  Mode
		spoil func(m *Master)
	}{
		{"no wire", L2, func(m *Master) { m.Wire = nil }},
		{"host port", L2, func(m *Master) { m.Host = nil }},
		{"no table", L2, func(m *Master) { m.Table = nil }},
		{"counters", L2, func(m *Master) { m.Counters.Host = nil }},
		{"mode unknown(7)", 7, func(*Master) {}},
		{"flag unknown(7)", L2, func(m *Master) { m.Flag = 7 }},
		{"policy unknown(7)", L2, func(m *Master) { m.SourceMAC = 7 }},
		{"punt", L3, func(m *Master) { m.Punt = nil }},
		{"return port", L3S, func(m *Master) { m.Return = nil }},
		{"id 0", L2, func(m *Master) { m.Slaves[0].ID = 0 }},
		{"id 65534", L2, func(m *Master) { m.Slaves[0].ID = 0xfffe }},
		{"S1 and S2", L2, func(m *Master) { m.Slaves[1].ID = 1 }},
		{"slave S1", L2, func(m *Master) { m.Slaves[0].Port = nil }},
	} {
		l := newLab(t, L2, Bridge, 2)
		l.m.Mode = c.mode
		c.spoil(l.m)
		err := l.st.Swap(l.build)
		if !errors.Is(err, ErrMaster) || !strings.Contains(err.Error(), "master eth0") || !strings.Contains(err.Error(), c.word) {
			t.Errorf("want an error that says %q, got: %v", c.word, err)
		}
	}
}

func TestSlaveOfTheTableThatIsNotAttachedIsACountedDrop(t *testing.T) {
	for _, id := range []uint32{2, 900} { // below and above the ids in the graph
		l := newLab(t, L2, Bridge, 3)
		l.m.Slaves = append(l.m.Slaves[:1], l.m.Slaves[2])
		if err := l.m.Table.Set(netip.MustParseAddr("10.0.0.40"), id); err != nil {
			t.Fatal(err)
		}
		if err := l.st.Swap(l.build); err != nil {
			t.Fatal(err)
		}
		if got, _ := l.send("WIRE", ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.40"))); got != "drop:no_slave" {
			t.Errorf("id %d, from the wire: got %q, want drop:no_slave", id, got)
		}
		if got, _ := l.send("S1", ether(macM, macM, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.40"))); got != "drop:no_slave" {
			t.Errorf("id %d, from a sibling: got %q, want drop:no_slave", id, got)
		}
	}
}

func TestCountersSurviveARebuild(t *testing.T) {
	l := newLab(t, L2, Private, 2)
	sibling := ether(macM, macM, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.12"))
	l.send("S1", sibling)
	l.m.Mode = L3
	l.addSlave(3)
	if err := l.st.Swap(l.build); err != nil {
		t.Fatal(err)
	}
	l.send("S1", sibling)
	if got := l.m.Slaves[0].Stats(); got.TxDropped != 2 || got.TxPackets != 0 {
		t.Errorf("S1: got %+v, want 2 dropped and none sent", got)
	}
	if d := l.st.Account().Difference(); d != 0 {
		t.Errorf("account differs by %d", d)
	}
}

func TestEveryWorkerHasItsCopyAndEachQueueOnePoller(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 4096)
	port := func(name string, queues int) *pmdtest.Port {
		return rt.NewPort(name, pmdtest.PortOptions{RxQueues: queues, TxQueues: queues})
	}
	m := NewMaster("eth0", 2)
	m.Mode, m.MAC, m.MTU = L2, macM, 1500
	w, h := port("WIRE", 2), port("HOST", 1)
	m.Wire, m.Host = w, h
	ports := []*pmdtest.Port{port("S1", 1), port("S2", 1)}
	for i, p := range ports {
		m.Slaves = append(m.Slaves, NewSlave("eth0", uint16(i+1), p.Name(), p, 1500, 2))
	}
	cfg := flows.Config{Runtime: rt, Pool: rt.Pool(), CPUs: []int{-1, -1}}
	st, err := flows.NewStepper(cfg, func(g *flows.Graph) error { return Build(g, m) })
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for q := range 2 {
		w.Inject(q, broadcast(macW, 60))
	}
	for _, p := range ports {
		p.Inject(0, broadcast(macM, 60))
	}
	if n := st.Step(); n != 4 {
		t.Errorf("received %d frames, want 4: each queue by one worker", n)
	}
	st.Flush()
	if n := len(ports[0].Sent(0)) + len(ports[1].Sent(0)); n != 2*2+2 {
		t.Errorf("slaves got %d frames, want 6", n)
	}
	if a, b := len(w.Sent(0)), len(w.Sent(1)); a != 1 || b != 1 {
		t.Errorf("wire queues sent %d and %d, want 1 each: a worker its own", a, b)
	}
	if d := st.Account().Difference(); d != 0 {
		t.Errorf("account differs by %d", d)
	}
}

func TestTwoMastersInOneGraph(t *testing.T) {
	l := newLab(t, L2, Bridge, 1)
	other := NewMaster("eth1", 1)
	other.MAC, other.MTU, other.Mode = macX, 1500, L2
	other.Wire, other.Host = l.port("WIRE1"), l.port("HOST1")
	err := l.st.Swap(func(g *flows.Graph) error {
		if err := Build(g, l.m); err != nil {
			return err
		}
		return Build(g, other)
	})
	if err != nil {
		t.Fatal(err)
	}
	toS1 := ip4("10.0.0.254", "10.0.0.11")
	if got, _ := l.send("WIRE", ether(macM, macW, wire.TypeIPv4, toS1)); got != "S1" {
		t.Errorf("at the first: got %q, want S1", got)
	}
	if got, _ := l.send("WIRE1", ether(macX, macW, wire.TypeIPv4, toS1)); got != "HOST1" {
		t.Errorf("at the second: got %q, want HOST1: tables are a master's own", got)
	}
}

func TestThePictureNamesEveryStage(t *testing.T) {
	for mode, stages := range map[Mode][]string{
		L2:  {"classify", "replicate", "ingress", "egress l2", "deliver", "to host", "to wire", "tag"},
		L3:  {"classify", "ingress", "egress l3", "deliver", "punt", "to host", "to wire"},
		L3S: {"ingress", "egress l3s", "from return", "to return", "deliver", "to host", "to wire"},
	} {
		dot := newLab(t, mode, Bridge, 2).st.DOT()
		for _, s := range stages {
			if !strings.Contains(dot, `"eth0 `+s+`"`) {
				t.Errorf("%v: no stage %q in\n%s", mode, s, dot)
			}
		}
	}
}

func TestASlaveComesAndGoesWithoutLossToOthers(t *testing.T) {
	l := newLab(t, L2, Bridge, 3)
	with, without := l.m.Slaves, l.m.Slaves[:2]
	toS1 := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.11"))
	toS3 := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.13"))
	for i := range 20 {
		l.m.Slaves = with
		if i%2 == 0 {
			l.m.Slaves = without
		}
		// What the step queued for S3 leaves although S3 leaves the graph.
		l.ports["WIRE"].Inject(0, toS1, toS3, broadcast(macW, 60))
		l.st.Step()
		if err := l.st.Swap(l.build); err != nil {
			t.Fatal(err)
		}
	}
	l.st.Flush()
	if got := len(l.ports["S1"].Sent(0)); got != 40 {
		t.Errorf("S1 got %d frames, want 40", got)
	}
	if got := len(l.ports["S3"].Sent(0)); got != 20 {
		t.Errorf("S3 got %d frames, want 20: two in each step that had it", got)
	}
	a := l.st.Account()
	if a.Difference() != 0 || a.Reasons["no_slave"] != 10 || len(a.Reasons) != 1 {
		t.Errorf("account: %+v, want difference 0 and only no_slave, 10 times", a)
	}
}
