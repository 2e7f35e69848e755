package main

import (
	"context"

	"ipvd/cmd/internal/api"
	"ipvd/flows"
)

// Drops says what was dropped, by slave, port of a master or stage, and by reason.
// What no row has is in the last one: slaves that are gone, and the framework's own.
func (d *daemon) Drops(context.Context) ([]api.DropRow, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rest := d.sys.Account().Reasons
	rows := []api.DropRow{}
	add := func(r api.DropRow) {
		r.Dropped = total(r.Reasons)
		for reason, n := range r.Reasons {
			rest[reason] -= min(n, rest[reason])
		}
		rows = append(rows, r)
	}
	for _, m := range d.masters {
		for _, e := range m.ends() {
			add(e.drops())
		}
		for _, set := range []*flows.CounterSet{m.template.Counters.Classify, m.template.Counters.Replicate} {
			row := api.DropRow{Where: set.Name, Reasons: map[string]uint64{}}
			addSet(row.Reasons, set)
			add(row)
		}
	}
	last := api.DropRow{Where: "elsewhere", Reasons: map[string]uint64{}}
	for reason, n := range rest {
		note(last.Reasons, reason, n)
	}
	add(last)
	return rows, nil
}

// drops are those of a port's queues and device, and of the sets that belong to it.
func (e end) drops() api.DropRow {
	row := api.DropRow{Where: e.name(), Reasons: map[string]uint64{}}
	for _, q := range e.port.Rx() {
		s := q.Stats()
		note(row.Reasons, "rx_nombuf", s.NoMbuf)
		note(row.Reasons, "rx_error", s.Errors)
	}
	for _, q := range e.port.Tx() {
		s := q.Stats()
		note(row.Reasons, "tx_full", s.Full)
		note(row.Reasons, "tx_too_big", s.TooBig)
		note(row.Reasons, "tx_refused", s.Refused)
	}
	s := e.port.Stats()
	note(row.Reasons, "imissed", s.Missed)
	note(row.Reasons, "ierrors", s.Errors)
	note(row.Reasons, "rx_nombuf", s.NoMbuf)
	note(row.Reasons, "oerrors", s.OErrors)
	for _, set := range e.sets {
		addSet(row.Reasons, set)
	}
	return row
}

func addSet(to map[string]uint64, set *flows.CounterSet) {
	for i, spec := range set.Specs {
		if n := set.Load(i); n > 0 && spec.Kind == flows.Dropped {
			to[spec.Name] += n
		}
	}
}

func note(to map[string]uint64, reason string, n uint64) {
	if n > 0 {
		to[reason] += n
	}
}

func total(reasons map[string]uint64) (n uint64) {
	for _, part := range reasons {
		n += part
	}
	return n
}
