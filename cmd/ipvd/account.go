package main

import (
	"fmt"

	"ipvd/cmd/internal/api"
	"ipvd/flows"
)

// accountRows is the account a by slave, port and stage, with what belongs to none
// of them, and then by worker.
func (d *daemon) accountRows(a *api.Account) []api.AccountRow {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows := []api.AccountRow{}
	var sets []*flows.CounterSet
	for _, m := range d.masters {
		for _, e := range m.ends() {
			rows = append(rows, e.account())
			sets = append(sets, e.sets...)
		}
		for _, set := range []*flows.CounterSet{m.template.Counters.Classify, m.template.Counters.Replicate} {
			rows = append(rows, api.AccountRow{Kind: "stage", Where: set.Name, Copied: set.Total(flows.Copied), Dropped: set.Total(flows.Dropped)})
			sets = append(sets, set)
		}
	}
	rest := api.AccountRow{Kind: "rest", Where: "slaves that are gone, and the framework",
		Received: a.Received, Copied: a.Copied, Delivered: a.Delivered, Dropped: a.Dropped}
	for _, r := range rows {
		rest.Received -= min(rest.Received, r.Received)
		rest.Copied -= min(rest.Copied, r.Copied)
		rest.Delivered -= min(rest.Delivered, r.Delivered)
		rest.Dropped -= min(rest.Dropped, r.Dropped)
	}
	return append(append(rows, rest), workerRows(d.sys.Workers(), sets)...)
}

// account is what a port's queues and its own counter sets have.
func (e end) account() api.AccountRow {
	row := api.AccountRow{Kind: "port", Where: e.name(), Dropped: total(e.drops().Reasons)}
	if e.s != nil {
		row.Kind = "slave"
	}
	for _, q := range e.port.Rx() {
		s := q.Stats()
		row.Received += s.Packets + s.NoMbuf + s.Errors
	}
	for _, q := range e.port.Tx() {
		s := q.Stats()
		row.Copied, row.Delivered = row.Copied+s.Segmented, row.Delivered+s.Packets
	}
	s := e.port.Stats()
	row.Received += s.Missed + s.Errors + s.NoMbuf
	row.Delivered -= min(row.Delivered, s.OErrors)
	for _, set := range e.sets {
		row.Copied += set.Total(flows.Copied)
	}
	return row
}

// workerRows say what each worker received, and what its stages made of it.
func workerRows(workers []flows.WorkerInfo, sets []*flows.CounterSet) []api.AccountRow {
	rows := make([]api.AccountRow, len(workers))
	for i, w := range workers {
		rows[i] = api.AccountRow{Kind: "worker", Where: fmt.Sprintf("%d (CPU %d)", w.Worker, w.CPU), Received: w.Packets}
		for _, set := range sets {
			cells := set.Worker(w.Worker)
			for k, spec := range set.Specs {
				switch spec.Kind {
				case flows.Copied:
					rows[i].Copied += cells[k].Load()
				case flows.Dropped:
					rows[i].Dropped += cells[k].Load()
				}
			}
		}
	}
	return rows
}

// explainDifference says what keeps v from balancing.
func (d *daemon) explainDifference(v *api.Verify) (why []string) {
	if v.OK {
		return nil
	}
	if !v.AtRest {
		return []string{fmt.Sprintf("packets never rested in %d readings: what differs was under way; try again when less is going on", verifyTries)}
	}
	var faults, taken uint64
	for _, w := range d.sys.Workers() {
		faults, taken = faults+w.Faults, taken+w.Packets
	}
	if faults > 0 {
		why = append(why, fmt.Sprintf("stages have panicked %d times: of steps that were broken off in a full list nothing is known; the log has the stacks", faults))
	}
	losses := v.Reasons["imissed"] + v.Reasons["ierrors"] + v.Reasons["rx_nombuf"] + v.Reasons["rx_error"]
	if given := v.Received - min(v.Received, losses); given != taken {
		why = append(why, fmt.Sprintf("receive queues count %d packets, the workers took %d: a device counts what it did not hand over, or has begun to count anew", given, taken))
	}
	switch {
	case v.Difference > 0:
		why = append(why, fmt.Sprintf("%d packets came and are in no counter: a stage lost or still holds them; %d mbufs are in use", v.Difference, v.MbufsInUse))
	case v.Difference < 0:
		why = append(why, fmt.Sprintf("%d packets more ended than came: a stage counts what is no packet of its own, or a device has begun to count anew", -v.Difference))
	}
	return why
}
