package main

import (
	"fmt"
	"net/netip"
	"slices"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/store"
)

// plan is what it takes to make what runs as a file declares it.
type plan struct {
	d     *daemon
	steps []step
	// records are what the file says of each master, and what becomes of it.
	records []*store.Declared
	// kept leaves what the file said before as well: it may have been changed by
	// request since.
	kept bool

	// Of the slave whose steps are being planned: what is recorded of it when they
	// are done, and what is recorded of it since the last time.
	now *store.DeclaredSlave
	was store.DeclaredSlave

	bound   map[string]bool           // slaves that a declaration means, by key
	claimed map[string]map[claim]bool // what slaves have, by master
}

type claim struct {
	id   uint16
	addr netip.Addr
}

// planFor compares declarations with what runs. With kept only what the file says
// anew counts, and what is not there. Under mu.
func (d *daemon) planFor(declared []api.DeclaredMaster, kept bool) *plan {
	p := &plan{d: d, kept: kept, bound: map[string]bool{}, claimed: map[string]map[claim]bool{}}
	for _, m := range d.masters {
		p.claimed[m.name] = map[claim]bool{}
		for _, c := range m.addrs.claims() {
			p.claimed[m.name][claim{uint16(c.Slave), c.Addr}] = true
		}
		want := api.DeclaredMaster{Name: m.name}
		if i := slices.IndexFunc(declared, func(w api.DeclaredMaster) bool { return w.Name == m.name }); i >= 0 {
			want = declared[i]
		}
		p.master(m, want, d.declared[m.name])
	}
	return p
}

// changes are what the steps do, for people.
func (p *plan) changes() []api.ConfigChange {
	changes := make([]api.ConfigChange, len(p.steps))
	for i, s := range p.steps {
		changes[i] = s.change
	}
	return changes
}

// add adds a step for the slave whose steps are being planned.
func (p *plan) add(s step) {
	s.record, s.was = p.now, p.was
	p.steps = append(p.steps, s)
}

// sort puts the steps in the order of their phases.
func (p *plan) sort() {
	slices.SortStableFunc(p.steps, func(a, b step) int { return int(a.phase - b.phase) })
}

func (p *plan) master(m *master, want api.DeclaredMaster, last store.Declared) {
	record := &store.Declared{Master: m.name, Mode: want.Mode, Flag: want.Flag}
	if len(want.Slaves) > 0 { // nil else, as it is read again
		record.Slaves = make([]store.DeclaredSlave, len(want.Slaves))
	}
	p.records = append(p.records, record)
	p.now = new(store.DeclaredSlave)
	if !p.kept || want.Mode != last.Mode || want.Flag != last.Flag {
		p.mode(m, want)
	}
	for _, was := range last.Slaves {
		if s := m.slave(uint16(was.ID)); s != nil {
			p.bound[s.key()] = true
		}
	}
	for i, w := range want.Slaves {
		record.Slaves[i] = store.DeclaredSlave{DeclaredSlave: w}
		p.now, p.was = &record.Slaves[i], last.Slave(w)
		p.slave(m, w)
	}
	p.now, p.was = new(store.DeclaredSlave), store.DeclaredSlave{}
	for _, was := range last.Slaves {
		if slices.ContainsFunc(want.Slaves, was.Same) {
			continue
		}
		if s := m.slave(uint16(was.ID)); s != nil {
			p.add(p.removal(s, was.String(), false))
		}
	}
}

// mode plans what the file says of a master's mode and flag.
func (p *plan) mode(m *master, want api.DeclaredMaster) {
	mode, flag, err := m.parseMode(want.Mode, want.Flag)
	now := m.template
	if err == nil && mode == now.Mode && flag == now.Flag {
		return
	}
	oldMode, oldFlag := now.Mode, now.Flag
	p.add(step{
		change: api.ConfigChange{Do: api.ConfigChanges, On: "master " + m.name, What: "mode",
			From: fmt.Sprintf("%v %v", now.Mode, now.Flag), To: fmt.Sprintf("%v %v", mode, flag)},
		phase: phaseMode,
		do: func() (func() error, error) {
			if err != nil {
				return nil, err
			}
			return func() error { return m.setMode(oldMode, oldFlag) }, m.setMode(mode, flag)
		},
	})
}

// slave plans what the file says of a slave.
func (p *plan) slave(m *master, want api.DeclaredSlave) {
	was, now := p.was, p.now
	s := p.find(m, want, was)
	same := p.kept && was.Equal(want)
	switch {
	case s == nil && (m.lacks(was.ID, want.Link.Name) || same && was.Removed):
		now.ID, now.Removed = was.ID, was.Removed
	case s == nil:
		p.add(p.addition(m, want))
	case !same && s.replaces(want):
		p.add(p.removal(s, want.String(), true))
		p.add(p.addition(m, want))
	default:
		now.ID = int(s.id)
		if !same {
			p.changeSlave(s, want, was)
		}
	}
}

// find gives the slave that is meant: the one that was made of the same declaration,
// wherever it is and whatever it is called now, else one of that name that no other
// declaration means.
func (p *plan) find(m *master, want api.DeclaredSlave, was store.DeclaredSlave) *slave {
	if s := m.slave(uint16(was.ID)); s != nil {
		return s
	}
	for _, s := range m.slaves {
		if at := s.place(); !p.bound[s.key()] && at.name == want.Link.Name && s.isIn(want.Link.Netns) {
			p.bound[s.key()] = true
			return s
		}
	}
	return nil
}
