package ipvlan

import (
	"fmt"

	"ipvd/flows"
	"ipvd/pmd"
)

// Build adds m's data plane to a worker's graph; several masters fit in one
// graph. Receive queues are shared out among the workers by number, a slave's
// from its Turn on. An error wraps ErrMaster when m itself is at fault.
func Build(g *flows.Graph, m *Master) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("master %s: %w", m.Name, err)
	}
	b := builder{g: g, m: m}
	if err := b.build(); err != nil {
		return fmt.Errorf("master %s: %w", m.Name, err)
	}
	return nil
}

// builder is what the functions of this file share while they build.
type builder struct {
	g *flows.Graph
	m *Master
	p *plane
}

// build is the picture of the data plane: doc.go draws it.
func (b *builder) build() (err error) {
	if b.p, err = newPlane(b.g, b.m); err != nil {
		return err
	}
	switch b.m.Mode {
	case L2:
		return b.l2()
	case L3:
		return b.l3()
	}
	return b.l3s()
}

func (b *builder) l2() error {
	r := &replicate{plane: b.p, limit: b.m.ReplicateLimit, counters: b.g.Counters(b.m.Counters.Replicate)}
	if r.limit <= 0 {
		r.limit = defaultReplicateLimit
	}
	b.edges("replicate", "deliver", "to host", "to wire")
	f := b.watchFlood("replicate", r)
	if err := b.fromHost(&fromHost{replicate: f}); err != nil {
		return err
	}
	if err := b.classify(f); err != nil {
		return err
	}
	b.edges("egress l2", "deliver", "to wire", "to host", "replicate")
	received := &classify{plane: b.p, l2: true, foreign: foreignClassified}
	return b.slaves("egress l2", &egressL2{plane: b.p, flag: b.m.Flag, hosts: b.hosts(), replicate: f, received: received,
		words: newOwn(b.m.MAC), own: b.m.SourceMAC != Pass, siblings: b.m.Flag == Bridge && b.m.SourceMAC != Pass})
}

func (b *builder) l3() error {
	host := &answer{plane: b.p, to: b.p.host.out, counters: b.g.Counters(b.m.Counters.Host)}
	if err := b.fromHost(&fromHost{answer: host}); err != nil {
		return err
	}
	if err := b.classify(nil); err != nil {
		return err
	}
	punt, err := b.g.Output(b.name("punt"), b.m.Punt)
	if err != nil {
		return err
	}
	b.edges("egress l3", "deliver", "punt")
	if b.hostReach() {
		b.edges("egress l3", "to host")
	}
	slow := &egressL3{plane: b.p, flag: b.m.Flag, hosts: b.hosts(), router: punt}
	if b.m.Routing == nil {
		return b.slaves("egress l3", slow)
	}
	b.edges("egress l3", "to wire")
	return b.slaves("egress l3", newForwarder(slow, b.m))
}

// classify puts the classifier behind the wire.
func (b *builder) classify(f flood) error {
	c := &classify{plane: b.p, counters: b.g.Counters(b.m.Counters.Classify)}
	c.l2, c.replicate = f != nil, f
	if !c.l2 && b.m.L3Proxy {
		c.proxy, c.answers = b.proxy(true)
		b.edges("classify", "proxy")
	}
	c.tag = b.g.Watched(b.name("tag"), &tag{plane: b.p, counters: b.g.Counters(b.m.Counters.Host)})
	switch {
	case b.m.CompatKernel:
		c.foreign = foreignClassified
	case b.m.Promiscuous:
		c.foreign = foreignToHost
	}
	b.edges("classify", "deliver", "to host", "tag")
	b.edges("tag", "to host")
	if f != nil {
		b.edges("classify", "replicate")
	}
	return b.inputs("classify", b.m.Wire, 0, b.pass(c))
}

// pass is next, or while the master is down what drops in its place.
func (b *builder) pass(next flows.Stage) flows.Stage {
	if b.m.Down {
		return &down{plane: b.p, counters: b.g.Counters(b.m.Counters.Classify)}
	}
	return next
}

// slaves puts ingress and next behind every slave.
func (b *builder) slaves(name string, next egress) error {
	b.edges("ingress", name)
	next = b.watchEgress(name, next)
	for i, s := range b.m.Slaves {
		in := &ingress{plane: b.p, from: i, policy: b.m.SourceMAC, next: next, counters: b.p.slaves[i].counters,
			first: b.g.Watcher() != nil} // who looks on is told of ingress and egress one after the other
		name, first := "ingress", flows.Stage(in)
		if s.Learn != nil {
			b.edges("learn", name)
			name, first = "learn", &learn{next: in, plane: b.p, learner: s.Learn, seen: &s.Learn.seen[b.g.Worker()], counters: in.counters}
		}
		if err := b.inputs(name, s.Port, s.Turn, first); err != nil {
			return err
		}
	}
	return nil
}

// inputs makes this worker poll its share of port's queues, counted from turn.
func (b *builder) inputs(name string, port pmd.Port, turn int, next flows.Stage) error {
	for i, q := range port.Rx() {
		if !flows.Share(turn+i, b.g.Worker(), b.g.Workers()) {
			continue
		}
		if err := b.g.Input(b.name(name), q, next); err != nil {
			return err
		}
	}
	return nil
}

// edges draws where a stage's packets go.
func (b *builder) edges(from string, to ...string) {
	for _, t := range to {
		b.g.Edge(b.name(from), b.name(t), "")
	}
}

func (b *builder) name(stage string) string { return b.m.Name + " " + stage }
