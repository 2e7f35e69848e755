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
	table *FlowTable
	next  flows.Stage
	read  reading
}

// Push takes frames from the host port.
func (r *returned) Push(b flows.Burst) {
	if !r.table.Empty() {
		for _, m := range r.vec.Packets(b) {
			if r.read.read(m, 0) {
				r.table.learn(&r.read, m, 0, wayToWire)
			}
		}
	}
	r.next.Push(b)
}

// learn notes a packet that leaves the host for to. A packet that answers it comes
// from side, and finds its half.
func (t *FlowTable) learn(r *reading, m *pmd.Mbuf, side, to uint64) {
	k := r.flowKey
	k.back(side)
	n, ok := t.find(&k)
	if !ok {
		return
	}
	n = t.rest(n).peer
	h, rest := t.half(n), t.rest(n)
	if h.fast.Load() != 0 || !rest.round.returned(r, m.Data()) {
		return
	}
	longest := max(m.Longest(), int(h.learned.Load()&0xffff))
	h.setTo(uint32(to))
	h.learned.Store(makeLearned(wire.Ethernet(m.Data()).Dst(), longest))
}
