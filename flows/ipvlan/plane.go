package ipvlan

import (
	"fmt"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// Verdicts of the classifying stages: fixed ones, then one a drop reason, then
// one a slave of this graph.
const (
	toHost      flows.Verdict = iota // the host port
	toTagged                         // the host port, with the VLAN tag that the NIC took off
	toWire                           // the wire
	toFlood                          // replicate
	toFloodAll                       // replicate, also to the slave that sent it
	toFloodHost                      // replicate, also to the host
	toRouter                         // the host's routing: punt queue or return port
	toAnswer                         // a question for a slave's MAC, answered for it
	counted                          // dropped and counted by the stage
	toDrop                           // toDrop+Reason
	toSlave     = toDrop + flows.Verdict(numReasons)
)

// end is a slave as this worker sends to it.
type end struct {
	out      *flows.Output
	counters []flows.Counter
	limit    int // longest frame from a sibling, in bytes
}

// plane is one worker's copy of a master's data plane: what its stages share.
// Worker only.
type plane struct {
	vec     *pmd.Vector
	table   *Table
	mac     wire.MAC
	macWord uint64 // mac as macWord gives it
	wire    *flows.Output
	down    bool // nothing passes the wire
	host    end
	slaves  []end
	least   uint32          // the longest frame that host and slaves all take from a sibling
	byID    []flows.Verdict // dev_id to verdict
	// Scratch of the stage that is classifying; none calls another that
	// classifies before it is done with the groups.
	verdicts []flows.Verdict
	sift     *sift
	grouper  *flows.Grouper
	runs     []flows.Group
	watch    flows.Watcher // nil: nobody looks on
	one      [1]*pmd.Mbuf  // what watch is told of
}

// newPlane opens this worker's outputs to m's ports.
func newPlane(g *flows.Graph, m *Master) (*plane, error) {
	p := &plane{vec: g.Vector(), table: m.Table, mac: m.MAC, macWord: macWord(m.MAC), down: m.Down, slaves: make([]end, len(m.Slaves)), watch: g.Watcher()}
	p.verdicts, p.sift = make([]flows.Verdict, len(p.vec.Pkts)), &sift{}
	p.runs = make([]flows.Group, len(p.vec.Pkts))
	var err error
	if p.wire, err = output(g, m.Name+" to wire", m.Wire); err != nil {
		return nil, err
	}
	if p.host.out, err = output(g, m.Name+" to host", m.Host); err != nil {
		return nil, err
	}
	p.host.counters, p.host.limit = g.Counters(m.Counters.Host), m.MTU+overMTU
	p.least = uint32(p.host.limit)
	outs := p.outs(len(m.Slaves))
	top := uint16(0)
	for i, s := range m.Slaves {
		e := &p.slaves[i]
		if e.out, err = output(g, m.Name+" deliver", s.Port); err != nil {
			return nil, err
		}
		e.counters, e.limit = g.Counters(s.Counters), s.MTU+overMTU
		p.least = min(p.least, uint32(e.limit))
		outs[int(toSlave)+i] = e.out
		top = max(top, s.ID)
	}
	p.grouper = g.Grouper(outs)
	p.byID = make([]flows.Verdict, int(top)+1)
	for i := range p.byID {
		p.byID[i] = toDrop + flows.Verdict(NoSlave)
	}
	for i, s := range m.Slaves {
		p.byID[s.ID] = toSlave + flows.Verdict(i)
	}
	return p, nil
}

// twin is p with scratch of its own, for a stage that another hands groups to while
// it is not done with them.
func (p *plane) twin(g *flows.Graph) *plane {
	t := *p
	outs := p.outs(len(p.slaves))
	for i := range p.slaves {
		outs[int(toSlave)+i] = p.slaves[i].out
	}
	t.grouper = g.Grouper(outs)
	t.verdicts = make([]flows.Verdict, len(p.verdicts))
	t.runs = make([]flows.Group, len(p.runs))
	return &t
}

// outs is what a grouper queues by itself, except for the slaves: what is for the wire,
// unless nothing passes it.
func (p *plane) outs(slaves int) []*flows.Output {
	outs := make([]*flows.Output, int(toSlave)+slaves)
	if !p.down {
		outs[toWire] = p.wire
	}
	return outs
}

// output is this worker's way to a port: queues go round when there are fewer
// than workers.
func output(g *flows.Graph, name string, port pmd.Port) (*flows.Output, error) {
	qs := port.Tx()
	if len(qs) == 0 {
		return nil, fmt.Errorf("%s: port %s has no TX queue", name, port.Name())
	}
	return g.Output(name, qs[g.Worker()%len(qs)])
}

// slaveVerdict is the verdict for a dev_id of the table.
func (p *plane) slaveVerdict(id uint32) flows.Verdict {
	if id < uint32(len(p.byID)) {
		return p.byID[id]
	}
	return toDrop + flows.Verdict(NoSlave)
}

// local is verdict v for frame m from a slave to a sibling or, with v toHost, to
// the host: ipvlan forwards none that is longer than the receiver takes
// (linux/netdevice.h, is_skb_forwardable), of a frame that stands for several
// neither what it becomes.
func (p *plane) local(v flows.Verdict, m *pmd.Mbuf) flows.Verdict {
	e := &p.host
	if v >= toSlave {
		e = &p.slaves[v-toSlave]
	} else if v != toHost {
		return v
	}
	if m.Longest() <= e.limit {
		return v
	}
	e.counters[TooLong].Add(1)
	if p.watch != nil {
		p.tell(m, TooLong, e.counters)
	}
	return counted
}

// group sorts b by the verdicts of its packets, queues what is for slaves and gives
// the other groups.
func (p *plane) group(b flows.Burst) []flows.Group {
	v := p.verdicts[:b.N]
	groups, ok := p.grouper.Group(b, v)
	if !ok {
		return p.equal(b, v)
	}
	return groups
}

// sort is group for up to sifted packets, whose verdicts and lengths are in p.sift; it
// gives the lengths in all as well. least is the largest number if a packet has to be
// measured, else 0.
func (p *plane) sort(b flows.Burst, least uint32) (groups []flows.Group, bytes uint64) {
	v := p.sift.verdicts[:b.N]
	groups, bytes, ok := p.grouper.Sort(b, v, p.sift.bytes[:], least)
	if !ok {
		return p.equal(b, v), bytes
	}
	return groups, bytes
}

// sortAll is sort for packets that all have verdict v and need not be measured.
func (p *plane) sortAll(b flows.Burst, v flows.Verdict) (groups []flows.Group, bytes uint64) {
	return p.grouper.SortAll(b, v, p.sift.bytes[:])
}

// equal gives the runs of equal verdicts in place of groups when the vector has no
// room left for the sorted packets: that is more groups, but no packet is lost in a
// step that is full. There may be groups for slaves.
func (p *plane) equal(b flows.Burst, v []flows.Verdict) []flows.Group {
	n := 0
	for i, k := range v {
		if i > 0 && k == v[i-1] {
			p.runs[n-1].Burst.N++
			continue
		}
		p.runs[n] = flows.Group{Verdict: k, Burst: flows.Burst{Off: b.Off + uint32(i), N: 1}}
		n++
	}
	return p.runs[:n]
}

// deliver hands on a group whose verdict is the host, the wire, a slave or a
// drop, which is counted in c.
func (p *plane) deliver(g flows.Group, c []flows.Counter) {
	switch {
	case g.Verdict >= toSlave:
		p.slaves[g.Verdict-toSlave].out.Push(g.Burst)
	case g.Verdict >= toDrop:
		p.drop(g.Burst, Reason(g.Verdict-toDrop), c)
	case g.Verdict == toHost:
		p.host.out.Push(g.Burst)
	case g.Verdict == toWire:
		p.transmit(g.Burst, c)
	default: // counted, where the verdict was made
		p.vec.DropBurst(g.Burst)
	}
}

// transmit sends to the wire; what it drops is counted in c.
func (p *plane) transmit(b flows.Burst, c []flows.Counter) {
	if p.down {
		p.drop(b, MasterDown, c)
		return
	}
	p.wire.Push(b)
}

func (p *plane) drop(b flows.Burst, r Reason, c []flows.Counter) {
	c[r].Add(uint64(b.N))
	if p.watch != nil {
		p.watch.Dropped(c, int(r), p.vec.Packets(b))
	}
	p.vec.DropBurst(b)
}

// dropOne drops one packet.
func (p *plane) dropOne(m *pmd.Mbuf, r Reason, c []flows.Counter) {
	c[r].Add(1)
	if p.watch != nil {
		p.tell(m, r, c)
	}
	p.vec.Drop(m)
}

// tell tells the watcher of one packet that is dropped.
func (p *plane) tell(m *pmd.Mbuf, r Reason, c []flows.Counter) {
	p.one[0] = m
	p.watch.Dropped(c, int(r), p.one[:])
}
