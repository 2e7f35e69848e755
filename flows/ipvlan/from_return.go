package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// fromReturn gives slaves what the host routed to them.
type fromReturn struct {
	*plane
	flows    *FlowTable // learns from what the host routed; nil: no shortcuts
	worker   int
	step     uint64 // as FlowTable.begin gives it
	read     reading
	counters []flows.Counter
}

// Push takes frames from the return interface.
func (r *fromReturn) Push(b flows.Burst) {
	pkts := r.vec.Packets(b)
	if r.flows != nil {
		r.step = r.flows.begin(r.worker, r.vec.Resets)
	}
	v := r.verdicts[:len(pkts)]
	for i, m := range pkts {
		v[i] = r.verdict(&pkts[i], m)
	}
	for _, g := range r.group(b) {
		r.deliver(g, r.counters)
	}
}

// verdict finds the slave and makes the frame one from the master to itself,
// as a slave without ARP expects it.
func (r *fromReturn) verdict(slot **pmd.Mbuf, m *pmd.Mbuf) flows.Verdict {
	frame, ok := wire.ParseEthernet(m.Data())
	if !ok {
		return toDrop + flows.Verdict(Runt)
	}
	id, ok := destination(r.table, frame, m.Len())
	if !ok || frame.Type() == wire.TypeARP {
		return toDrop + flows.Verdict(NoSlave)
	}
	w := r.vec.Writable(m)
	if w == nil {
		return toDrop + flows.Verdict(NoMbuf)
	}
	*slot = w
	readdress(w, r.mac, r.mac)
	if r.flows != nil && !r.flows.Empty() && r.read.read(w, 0) {
		r.flows.learn(&r.read, w, fromSlave, uint64(id), r.step)
	}
	return r.slaveVerdict(id)
}
