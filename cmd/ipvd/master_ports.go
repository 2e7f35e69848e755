package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/flows"
	"ipvd/flows/ipvlan"
	"ipvd/pmd"
)

// end is a port of a master, as requests name it.
type end struct {
	m    *master
	s    *slave // nil: one of the master's own
	what string // slave, wire, host, punt or return
	port pmd.Port
	sets []*flows.CounterSet // that count drops of what goes to it
}

// ends are all ports of m. Under mu.
func (m *master) ends() []end {
	all := []end{
		{m: m, what: "wire", port: m.wire},
		{m: m, what: "host", port: m.host, sets: []*flows.CounterSet{m.template.Counters.Host}},
	}
	if m.template.Punt != nil {
		all = append(all, end{m: m, what: "punt", port: m.template.Punt.Port()})
	}
	if m.template.Return != nil {
		all = append(all, end{m: m, what: "return", port: m.template.Return})
	}
	for _, s := range m.slaves {
		all = append(all, end{m: m, s: s, what: "slave", port: s.model.Port, sets: []*flows.CounterSet{s.model.Counters}})
	}
	return all
}

// name is what people read: `ipvl0 (eth0/1)`, or `eth0/wire`.
func (e end) name() string {
	if e.s != nil {
		return fmt.Sprintf("%s (%s)", e.s.model.Name, e.s.key())
	}
	return e.m.name + "/" + e.what
}

// findEnd gives the port that a request means. Under mu.
func (d *daemon) findEnd(c api.Caller, name, ref string) (end, error) {
	master, what, ok := strings.Cut(name, "/")
	if !ok {
		what = "wire"
	}
	if m := d.master(master); m != nil {
		for _, e := range m.ends() {
			if e.what == what && e.s == nil {
				return e, nil
			}
		}
		if what == "punt" || what == "return" {
			return end{}, &api.Refusal{Text: fmt.Sprintf("%s has no %s port in mode %v", m.name, what, m.template.Mode), Errno: unix.ENODEV}
		}
	}
	s, err := d.find(c, name, ref)
	if err != nil {
		return end{}, err
	}
	return end{m: s.m, s: s, what: "slave", port: s.model.Port, sets: []*flows.CounterSet{s.model.Counters}}, nil
}

// portNames gives every port its name. Under mu.
func (d *daemon) portNames() map[pmd.Port]string {
	names := map[pmd.Port]string{}
	for _, m := range d.masters {
		for _, e := range m.ends() {
			names[e.port] = e.name()
		}
	}
	return names
}

// portNames are the names of ports as far as they are known; of others the daemon
// is asked. One goroutine.
type portNames struct {
	d     *daemon
	names map[pmd.Port]string
}

func (n *portNames) of(p pmd.Port) string {
	name, ok := n.names[p]
	if !ok {
		n.d.mu.Lock()
		name = n.d.portNames()[p]
		n.d.mu.Unlock()
		if name == "" {
			name = p.Name() // it was a slave's, which has gone
		}
		n.names[p] = name
	}
	return name
}

// reasonMeaning is what a drop reason of the data plane means, "" for others.
func reasonMeaning(name string) string {
	for _, r := range ipvlan.DropReasons() {
		if r.Name == name {
			return r.Meaning
		}
	}
	return ""
}

func reasonNames() []string {
	var names []string
	for _, r := range ipvlan.DropReasons() {
		names = append(names, r.Name)
	}
	return names
}

func quoted(words []string) string { return `"` + strings.Join(words, `", "`) + `"` }
