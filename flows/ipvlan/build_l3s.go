package ipvlan

import (
	"ipvd/flows"
	"ipvd/pmd"
)

// l3s joins what takes the turn through the host and, in front of it, the shortcuts.
func (b *builder) l3s() error {
	c := b.g.Counters(b.m.Counters.Host)
	var back flows.Stage = b.p.wire
	if b.m.Flows != nil {
		back = &returned{plane: b.p, table: b.m.Flows, worker: b.g.Worker(), next: b.p.wire}
	}
	if err := b.inputs("to wire", b.m.Host, 0, b.pass(back)); err != nil {
		return err
	}
	if err := b.wireToHost(); err != nil {
		return err
	}
	out, err := output(b.g, b.name("to return"), b.m.Return)
	if err != nil {
		return err
	}
	from := &fromReturn{plane: b.p, flows: b.m.Flows, worker: b.g.Worker(), counters: c}
	if err := b.inputs("from return", b.m.Return, 0, from); err != nil {
		return err
	}
	b.first(b.m.Host, b.m.Return)
	b.edges("from return", "deliver")
	b.edges("egress l3s", "deliver", "to return")
	router := b.g.Watched(b.name("to return"), &toReturn{plane: b.p, mac: b.m.ReturnMAC, next: out, counters: c})
	return b.slaves("egress l3s", &egressL3{plane: b.p, flag: b.m.Flag, routed: b.m.LocalViaHost,
		router: b.shortcut("egress l3s", fromSlave, router)})
}

// shortcut is host with the shortcut of packets from side in front of it, if there
// are to be shortcuts. The picture calls its packets' way in name.
func (b *builder) shortcut(name string, side uint64, host flows.Stage) flows.Stage {
	table := b.m.Flows
	if table == nil {
		table = b.m.previewed
	}
	if table == nil {
		return host
	}
	b.edges(name, "deliver", "to wire")
	s := &shortcut{plane: b.p.twin(b.g), table: table, side: side, worker: b.g.Worker(), host: host,
		drops: b.g.Counters(b.m.Counters.Host), counts: b.g.Counters(b.m.Counters.Flows)}
	if b.m.Flows == nil {
		return b.g.Watched(b.name("shortcut"), &preview{s})
	}
	return b.g.Watched(b.name("shortcut"), s)
}

// first makes a step begin with what these ports have: what the host has sent on is
// known then before the next packet is given to it.
func (b *builder) first(ports ...pmd.Port) {
	if b.m.Flows == nil {
		return
	}
	for _, p := range ports {
		for _, q := range p.Rx() {
			b.g.First(q)
		}
	}
}
