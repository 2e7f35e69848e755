package ipvlan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// diary is a watcher that writes down what it is told.
type diary struct {
	places []string // by number
	told   []string
}

func (d *diary) place(name string) int {
	d.places = append(d.places, name)
	return len(d.places) - 1
}

func (d *diary) tell(format string, args ...any) {
	d.told = append(d.told, fmt.Sprintf(format, args...))
}

func (d *diary) Input(q pmd.RxQueue) int  { return d.place("from " + q.Port().Name()) }
func (d *diary) Output(q pmd.TxQueue) int { return d.place("to " + q.Port().Name()) }
func (d *diary) Stage(name string) int    { return d.place(name) }

func (d *diary) Counters(*flows.CounterSet, []flows.Counter) {}
func (d *diary) Together(_ int, pkts []*pmd.Mbuf) int        { return 1 }
func (d *diary) Received(input int, pkts []*pmd.Mbuf)        { d.tell("%s", d.places[input]) }
func (d *diary) Through()                                    { d.tell(";") }
func (d *diary) Entered(stage int, pkts []*pmd.Mbuf)         { d.tell("%s", d.places[stage]) }
func (d *diary) Left()                                       { d.tell(".") }
func (d *diary) Queued(output int, pkts []*pmd.Mbuf)         { d.tell("%s", d.places[output]) }
func (d *diary) Dropped(_ []flows.Counter, i int, _ []*pmd.Mbuf) {
	d.tell("drop %s", DropReasons()[i].Name)
}

// watched runs the lab's graph with a diary, and gives what becomes of a frame.
func (l *lab) watched(at string, frame []byte) string {
	l.t.Helper()
	d := &diary{}
	err := l.st.Swap(func(g *flows.Graph) error {
		g.Watch(d)
		return l.build(g)
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.send(at, frame)
	return strings.Join(d.told, ", ")
}

func TestAWatcherIsToldOfEveryStage(t *testing.T) {
	v4 := func(dst, src wire.MAC, from, to string) []byte { return ether(dst, src, wire.TypeIPv4, ip4(from, to)) }
	question := ether(macAll, macW, wire.TypeARP, arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.11"))
	proxied := with(func(m *Master) { m.L3Proxy = true })
	down := with(func(m *Master) { m.Down = true })
	for _, tc := range []struct {
		name  string
		mode  Mode
		flag  Flag
		opts  []option
		at    string
		frame []byte
		want  string
	}{
		{"from the wire", L2, Bridge, nil, "WIRE", v4(macM, macW, "10.0.0.254", "10.0.0.12"), "from WIRE, eth0 classify, to S2, ., ;"},
		{"from the wire to the host", L3, Bridge, nil, "WIRE", v4(macM, macW, "10.0.0.254", "10.0.0.1"), "from WIRE, eth0 classify, to HOST, ., ;"},
		{"a broadcast from the wire", L2, Bridge, nil, "WIRE", v4(macAll, macW, "10.0.0.254", "10.0.0.255"),
			"from WIRE, eth0 classify, eth0 replicate, to HOST, to S1, to S2, ., ., ;"},
		{"a sibling", L2, Bridge, nil, "S1", v4(macM, macM, "10.0.0.11", "10.0.0.12"), "from S1, eth0 ingress, eth0 egress l2, to S2, ., ., ;"},
		{"a private sibling", L2, Private, nil, "S1", v4(macM, macM, "10.0.0.11", "10.0.0.12"), "from S1, eth0 ingress, eth0 egress l2, drop private, ., ., ;"},
		{"a slave's broadcast", L2, Bridge, nil, "S1", v4(macAll, macM, "10.0.0.11", "10.0.0.255"),
			"from S1, eth0 ingress, eth0 egress l2, eth0 replicate, to WIRE, to S2, ., ., ., ;"},
		{"to the wire", L2, Bridge, nil, "S1", v4(macW, macM, "10.0.0.11", "192.0.2.1"), "from S1, eth0 ingress, eth0 egress l2, to WIRE, ., ., ;"},
		{"a runt", L2, Bridge, nil, "S1", []byte{1}, "from S1, eth0 ingress, drop runt, ., ;"},
		{"routed", L3, Bridge, nil, "S1", v4(macM, macM, "10.0.0.11", "192.0.2.1"), "from S1, eth0 ingress, eth0 egress l3, to PUNT, ., ., ;"},
		{"no IP in l3", L3, Bridge, nil, "S1", ether(macM, macM, 0x88b5, nil), "from S1, eth0 ingress, eth0 egress l3, drop l3_not_ip, ., ., ;"},
		{"through the host", L3S, Bridge, nil, "S1", v4(macM, macM, "10.0.0.11", "192.0.2.1"),
			"from S1, eth0 ingress, eth0 egress l3s, eth0 to return, to RETURN, ., ., ., ;"},
		{"back from the host", L3S, Bridge, nil, "RETURN", v4(macM, macReturn, "192.0.2.1", "10.0.0.11"), "from RETURN, eth0 from return, to S1, ., ;"},
		{"a question from the wire", L3, Bridge, []option{proxied}, "WIRE", question, "from WIRE, eth0 classify, eth0 proxy, to WIRE, ., ., ;"},
		{"while the master is down", L2, Bridge, []option{down}, "WIRE", question, "from WIRE, eth0 classify, drop master_down, ., ;"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := newLab(t, tc.mode, tc.flag, 2, tc.opts...).watched(tc.at, tc.frame); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestAWatcherIsToldWhatTheAccountHas(t *testing.T) {
	for _, mode := range []Mode{L2, L3, L3S} {
		for _, flag := range []Flag{Bridge, Private, VEPA} {
			l, d := newLab(t, mode, flag, 3), &diary{}
			err := l.st.Swap(func(g *flows.Graph) error {
				g.Watch(d)
				return l.build(g)
			})
			if err != nil {
				t.Fatal(err)
			}
			l.load()
			for range 5 {
				l.st.Step()
			}
			for _, p := range l.ports {
				p.Replay(0)
			}
			for l.st.Step() > 0 {
			}
			l.st.Flush()
			a := l.st.Account()
			told := map[string]uint64{}
			for _, line := range d.told {
				kind, reason, _ := strings.Cut(line, " ")
				if told[kind]++; kind == "drop" && !slices.ContainsFunc(reasonsOf(a), func(r string) bool { return r == reason }) {
					t.Errorf("%v %v: told of a drop as %s, which the account has not", mode, flag, reason)
				}
			}
			if told["from"] != a.Received || told["drop"] != a.Dropped || told[";"] != a.Received {
				t.Errorf("%v %v: told of %v, the account has %+v", mode, flag, told, a)
			}
		}
	}
}

func reasonsOf(a flows.Account) (names []string) {
	for name := range a.Reasons {
		names = append(names, name)
	}
	return names
}
