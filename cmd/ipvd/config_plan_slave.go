package main

import (
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"
)

// isIn says that the slave is in the namespace that a declaration names; "" is any,
// and a slave without an interface is in all.
func (s *slave) isIn(ref string) bool {
	if ref == "" || s.tap == nil {
		return true
	}
	fd, err := netns.Open(ref)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	id, err := netns.IDOf(fd)
	return err == nil && id == s.place().netns
}

// addition plans a slave, and records its id when it is there.
func (p *plan) addition(m *master, want api.DeclaredSlave) step {
	now := p.now
	return step{
		change: api.ConfigChange{Do: api.ConfigAdd, On: want.String()},
		phase:  phaseAdd,
		do: func() (func() error, error) {
			s, err := m.addDeclared(want)
			if err != nil {
				return nil, err
			}
			now.ID = int(s.id)
			return s.leave, nil
		},
	}
}

// removal plans the end of a slave. One that another takes the place of ends at
// once, to free its name; it is made anew when that is undone.
func (p *plan) removal(s *slave, name string, replaced bool) step {
	r := step{change: api.ConfigChange{Do: api.ConfigRemove, On: name}, phase: phaseRemove}
	if replaced {
		r.do = func() (func() error, error) { return s.replace() }
		return r
	}
	if !p.wanted(s) {
		r.phase = phaseEnd
	}
	r.do = func() (func() error, error) {
		if err := s.m.takeOut(s); err != nil {
			return nil, err
		}
		return func() error { return s.m.putBack(s) }, nil
	}
	r.finish = s.end
	return r
}

// wanted says that the slave has an address that another is declared to have.
func (p *plan) wanted(s *slave) bool {
	for _, w := range p.records[len(p.records)-1].Slaves {
		for _, a := range w.Addrs {
			if w.ID != int(s.id) && p.claimed[s.m.name][claim{s.id, a.Addr()}] {
				return true
			}
		}
	}
	return false
}

// replace ends the slave at once and gives how to make it anew. Under mu.
func (s *slave) replace() (undo func() error, err error) {
	as, err := s.declared()
	if err != nil {
		return nil, err
	}
	if err := s.m.takeOut(s); err != nil {
		return nil, err
	}
	if err := s.m.d.swapNow(); err != nil {
		return func() error { return s.m.putBack(s) }, err
	}
	return func() error {
		_, err := s.m.addDeclared(as)
		return err
	}, s.end()
}

// changeSlave plans what makes a slave as it is declared.
func (p *plan) changeSlave(s *slave, want api.DeclaredSlave, was store.DeclaredSlave) {
	change := func(ph phase, what, from, to string, do func() (func() error, error)) {
		p.add(step{change: api.ConfigChange{Do: api.ConfigChanges, On: want.String(), What: what, From: from, To: to}, phase: ph, do: do})
	}
	at := s.place()
	if s.tap != nil && want.Link.Netns != "" && (at.name != want.Link.Name || !s.isIn(want.Link.Netns)) {
		change(phaseMove, "place", at.name+" in "+at.where(), want.Link.Name+" in "+want.Link.Netns,
			func() (func() error, error) { return s.moveDeclared(want) })
	}
	if mtu := want.Link.MTU; s.tap != nil && mtu != 0 && mtu != at.mtu {
		change(phaseChange, "mtu", strconv.Itoa(at.mtu), strconv.Itoa(mtu), s.setting(
			func(l link.Link) error { return l.SetMTU(mtu) }, func(l link.Link) error { return l.SetMTU(at.mtu) }))
	}
	if up := at.flags&unix.IFF_UP != 0; s.tap != nil && want.Link.Netns != "" && up == want.Down {
		change(phaseChange, "up", strconv.FormatBool(up), strconv.FormatBool(!up), s.setting(
			func(l link.Link) error { return l.SetUp(!up) }, func(l link.Link) error { return l.SetUp(up) }))
	}
	p.changeAddrs(s, want.Addrs, was.Addrs, change)
}

// changeAddrs plans the addresses that were and are declared; others are not
// touched.
func (p *plan) changeAddrs(s *slave, want, was []netip.Prefix, change func(phase, string, string, string, func() (func() error, error))) {
	has := func(a netip.Addr) bool { return p.claimed[s.m.name][claim{s.id, a}] }
	for _, old := range was {
		if has(old.Addr()) && !slices.Contains(want, old) {
			change(phaseRelease, "address", old.String(), "", func() (func() error, error) {
				return func() error { return s.addAddr(old) }, s.delAddr(old)
			})
		}
	}
	for _, p := range want {
		relabeled := slices.ContainsFunc(was, func(o netip.Prefix) bool { return o.Addr() == p.Addr() && o != p })
		if !has(p.Addr()) || relabeled {
			change(phaseChange, "address", "", p.String(), func() (func() error, error) {
				return func() error { return s.delAddr(p) }, s.addAddr(p)
			})
		}
	}
}

// setting is a change of the slave's interface and the way back.
func (s *slave) setting(do, undo func(link.Link) error) func() (func() error, error) {
	return func() (func() error, error) {
		return func() error { return s.onInterface(undo) }, s.onInterface(do)
	}
}

// moveDeclared moves the slave to where it is declared.
func (s *slave) moveDeclared(want api.DeclaredSlave) (undo func() error, err error) {
	at := s.place()
	to, err := openDeclared(want.Link.Netns)
	if err != nil {
		return nil, err
	}
	defer unix.Close(to)
	back := func() error {
		from, err := netns.OpenID(at.netns) // not held until then: that would keep it alive
		if err != nil {
			return err
		}
		defer unix.Close(from)
		return s.moveTo(from, at.name)
	}
	return back, s.moveTo(to, want.Link.Name)
}
