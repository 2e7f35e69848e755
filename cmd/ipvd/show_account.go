package main

import (
	"fmt"
	"maps"

	"ipvd/cmd/internal/api"
	"ipvd/flows"
)

// share is a part of the account with a name.
type share struct {
	kind, where string
	flows.Account
}

// shares are the parts of the account by slave, port and stage, and last what
// belongs to none of them: they add up to it.
func (d *daemon) shares(p flows.Parts) []share {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []share
	rest := share{"rest", "slaves that are gone, and the framework", p.Account}
	rest.Reasons = maps.Clone(p.Reasons)
	add := func(kind, where string, a flows.Account, sets ...*flows.CounterSet) {
		for _, set := range sets {
			if values, ok := p.Sets[set]; ok {
				a.AddSet(set, values)
			}
		}
		all = append(all, share{kind, where, a})
		rest.Received, rest.Copied = rest.Received-a.Received, rest.Copied-a.Copied
		rest.Delivered, rest.Dropped = rest.Delivered-a.Delivered, rest.Dropped-a.Dropped
		for reason, n := range a.Reasons {
			if rest.Reasons[reason] -= n; rest.Reasons[reason] == 0 {
				delete(rest.Reasons, reason)
			}
		}
	}
	for _, m := range d.masters {
		for _, e := range m.ends() {
			kind := "port"
			if e.s != nil {
				kind = "slave"
			}
			add(kind, e.name(), p.Ports[e.port].Account(), e.sets...)
		}
		for _, set := range []*flows.CounterSet{m.template.Counters.Classify, m.template.Counters.Replicate} {
			add("stage", set.Name, flows.NewAccount(), set)
		}
	}
	return append(all, rest)
}

// accountRows is the account by slave, port and stage, and then by worker.
func (d *daemon) accountRows(p flows.Parts, workers []flows.WorkerInfo) []api.AccountRow {
	rows := []api.AccountRow{}
	for _, s := range d.shares(p) {
		rows = append(rows, api.AccountRow{Kind: s.kind, Where: s.where, Received: s.Received, Copied: s.Copied,
			Delivered: s.Delivered, Dropped: s.Dropped})
	}
	return append(rows, workerRows(workers, p.Sets)...)
}

// workerRows say what each worker received, and what its stages made of it.
func workerRows(workers []flows.WorkerInfo, sets map[*flows.CounterSet][]uint64) []api.AccountRow {
	rows := make([]api.AccountRow, len(workers))
	for i, w := range workers {
		rows[i] = api.AccountRow{Kind: "worker", Where: fmt.Sprintf("%d (CPU %d)", w.Worker, w.CPU), Received: w.Packets}
		for set := range sets {
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
func explainDifference(v *api.Verify, workers []flows.WorkerInfo) (why []string) {
	if v.OK {
		return nil
	}
	if !v.AtRest {
		return []string{fmt.Sprintf("packets never rested in %d readings: what differs was under way; try again when less is going on", verifyTries)}
	}
	return whyNot(v, workers)
}

// whyNot explains a difference at rest.
func whyNot(v *api.Verify, workers []flows.WorkerInfo) (why []string) {
	var faults, taken uint64
	for _, w := range workers {
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
