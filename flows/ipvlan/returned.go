package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// returned stands behind the host port in l3s: it learns from what the host sends
// on to the wire that a shortcut may be opened, and which next hop it leads to.
type returned struct {
	*plane
	table  *FlowTable
	worker int
	next   flows.Stage
	read   reading
}

// Push takes frames from the host port.
func (r *returned) Push(b flows.Burst) {
	if !r.table.Empty() {
		step := r.table.begin(r.worker, r.vec.Resets)
		for _, m := range r.vec.Packets(b) {
			if r.read.read(m, 0) {
				r.table.learn(&r.read, m, 0, wayToWire, step)
			}
		}
	}
	r.next.Push(b)
}

// begin notes in which step a worker is, and gives that as stepOf does.
func (t *FlowTable) begin(worker int, step uint64) uint64 {
	t.steps.note(worker, step)
	return stepOf(worker, step)
}

// learn notes a packet that leaves the host for to, in a worker's step. A packet that
// answers it comes from side, and finds its half.
func (t *FlowTable) learn(r *reading, m *pmd.Mbuf, side, to, step uint64) {
	k := r.flowKey
	k.back(side)
	n, ok := t.find(&k)
	if !ok {
		return
	}
	n = t.rest(n).peer
	h, rest := t.half(n), t.rest(n)
	if h.fast.Load() != 0 {
		return
	}
	rest.round.at.Store(t.now.Load())
	rest.round.by.Store(step) // first: who sees the round over looks at it
	if !rest.round.returned(r, m.Data()) {
		return
	}
	longest := max(m.Longest(), int(h.learned.Load()&0xffff))
	h.to.Store(uint32(to))
	h.learned.Store(makeLearned(wire.Ethernet(m.Data()).Dst(), longest))
}
