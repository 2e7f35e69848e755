package ipvlan

import "ipvd/pmd"

// Replica is a master like m with the ports that port gives in place of m's, and
// with counters of its own for workers workers. It shares m's tables: what its data
// plane does with a packet is what m's would do, and nothing of m changes. It
// answers without a limit, so that it takes nothing from m's allowance. Packets take
// the shortcuts that are open in m, and open none; no flow may be added to or removed
// from m.Flows while the replica runs.
func (m *Master) Replica(workers int, port func(pmd.Port) pmd.Port) *Master {
	r := *m
	r.Counters = NewMaster(m.Name, workers).Counters
	r.Answers, r.Flows, r.previewed = nil, nil, m.Flows
	r.Wire, r.Host = port(m.Wire), port(m.Host)
	if m.Punt != nil {
		r.Punt = port(m.Punt.Port()).Tx()[0]
	}
	if m.Return != nil {
		r.Return = port(m.Return)
	}
	r.Slaves = make([]*Slave, len(m.Slaves))
	for i, s := range m.Slaves {
		r.Slaves[i] = NewSlave(m.Name, s.ID, s.Name, port(s.Port), s.MTU, workers)
	}
	return &r
}
