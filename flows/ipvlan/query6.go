package ipvlan

import (
	"ipvd/flows"
	"ipvd/pmd"
)

// query6 is an IPv6 packet on its way through lookup6.
type query6 struct {
	pkt    int // its place in the burst
	hi, lo uint64
	entry  uint64 // index of the entry that may have the address
}

// lookup6 gives plain IPv6 packets their verdicts. It makes a round for the slots
// and one for the entries, so that the processor waits for many of each at a
// time when the table is larger than its caches.
func (c *classify) lookup6(pkts []*pmd.Mbuf, v []flows.Verdict, queries []query6) {
	s, byID := c.table.v6.Load(), c.byID
	for i := range queries {
		q := &queries[i]
		hash := s.hash6(q.hi, q.lo)
		q.entry = pick(s.near(hash, uint32(hash)))
	}
	for i := range queries {
		q := &queries[i]
		if q.entry < uint64(len(s.entries)) {
			e := &s.entries[q.entry]
			if id := e.slave.Load(); e.hi == q.hi && e.lo == q.lo && id < uint32(len(byID)) {
				v[q.pkt] = byID[id]
				continue
			}
		}
		v[q.pkt] = c.other(&pkts[q.pkt])
	}
}
