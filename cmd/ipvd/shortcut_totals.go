package main

import (
	"maps"

	"ipvd/cmd/internal/metrics"
	"ipvd/flows/ipvlan"
	"ipvd/flows/route"
)

// Why a flow is no longer in the table.
const (
	causeGone    = "gone"     // conntrack has forgotten it: it timed out, or was deleted
	causeClosing = "closing"  // conntrack calls it established no longer
	causeTrouble = "untraced" // conntrack cannot be asked
)

// shortcutTotals are what flows did that a master in l3s has had since it is that.
// Under shortcuts.mu.
type shortcutTotals struct {
	admitted, refused uint64            // found room in the table, or none
	ended             map[string]uint64 // by cause
	packets, bytes    uint64            // over shortcuts, of flows that have ended
}

func newShortcutTotals() shortcutTotals {
	return shortcutTotals{ended: map[string]uint64{causeGone: 0, causeClosing: 0, causeTrouble: 0}}
}

// end adds up a flow that ends.
func (t *shortcutTotals) end(stats [2]ipvlan.FlowStats, cause string) {
	t.ended[cause]++
	for _, st := range stats {
		t.packets, t.bytes = t.packets+st.Packets, t.bytes+st.Bytes
	}
}

// measure is what s tells of its flows.
func (s *shortcuts) measure(master string) metrics.Flows {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := metrics.Flows{Master: master, Known: len(s.flows), Admitted: s.totals.admitted, Refused: s.totals.refused,
		Ended: maps.Clone(s.totals.ended), HandedBack: maps.Clone(s.endings), Packets: s.totals.packets, Bytes: s.totals.bytes}
	for _, f := range s.flows {
		for _, st := range s.table.Stats(f.id) {
			m.Packets, m.Bytes = m.Packets+st.Packets, m.Bytes+st.Bytes
			if st.Fast {
				m.Open++
			}
		}
	}
	return m
}

// measureRoutes is what m tells of the host's routes, if it follows them. Under d.mu.
func (m *master) measureRoutes() (r metrics.Routes, ok bool) {
	if m.mirror == nil {
		return r, false
	}
	stats := m.mirror.Stats()
	r = metrics.Routes{Master: m.name, Changes: stats.Changes, Lost: stats.Lost, Reads: stats.Reads, ReadFor: stats.ReadFor}
	m.mirror.Do(func(fib *route.FIB) { r.Size = fib.Size() })
	if m.punt != nil {
		for _, q := range m.punt.Tx() {
			r.Punted += q.Stats().Packets
		}
	}
	return r, true
}

// measure adds what masters tell of routes and flows.
func (d *daemon) measure(s *metrics.Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.masters {
		if r, ok := m.measureRoutes(); ok {
			s.Routes = append(s.Routes, r)
		}
		if m.cuts != nil {
			s.Flows = append(s.Flows, m.cuts.measure(m.name))
		}
	}
}
