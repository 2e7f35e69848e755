package ipvlan

import (
	"ipvd/flows"
	"ipvd/pmd"
)

// preview stands in a replica where shortcut stands in the master: it sends what the
// shortcut would send now, and changes nothing of the table, not even what it counts.
// Whoever pushes to it keeps flows from being added meanwhile.
type preview struct{ *shortcut }

// Push takes what shortcut takes.
func (p *preview) Push(b flows.Burst) {
	pkts := p.vec.Packets(b)
	v := p.verdicts[:len(pkts)]
	for i := range pkts {
		v[i] = p.foresee(&pkts[i])
	}
	for _, g := range p.group(b) {
		if g.Verdict == toRouter {
			p.host.Push(g.Burst)
			continue
		}
		p.deliver(g, p.drops)
	}
}

// foresee is the verdict of decide.
func (p *preview) foresee(slot **pmd.Mbuf) flows.Verdict {
	if !p.read.read(*slot, p.side) {
		return toRouter
	}
	n, ok := p.table.find(&p.read.flowKey)
	if !ok {
		return toRouter
	}
	h := p.table.half(n)
	if !p.wouldTake(h, p.table.rest(n), *slot) {
		return toRouter
	}
	own := half{addrs: h.addrs, kind: h.kind, now: h.now, ports: h.ports, change: h.change, changes: h.changes} // to be counted in
	own.to.Store(h.to.Load())
	own.learned.Store(h.learned.Load())
	return p.send(&own, n, slot)
}

// wouldTake is open, of a worker that has nothing queued.
func (p *preview) wouldTake(h *half, rest *rest, m *pmd.Mbuf) bool {
	generation, now := p.table.generation.Load(), p.table.now.Load()
	if p.read.special || m.Longest() > int(h.learned.Load()&0xffff) {
		return false
	}
	was, round := h.fast.Load(), &rest.round
	if was == generation {
		return !reached(h.due.Load(), now)
	}
	return was == 0 && round.generation.Load() == generation && round.over() && reached(rest.from.Load(), now) && h.to.Load() != 0
}
