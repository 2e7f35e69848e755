package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/kind"
)

// openDeclared opens the namespace that a declaration names, the daemon's own for
// "". The caller closes it.
func openDeclared(ref string) (int, error) {
	if ref == "" {
		return netns.Current()
	}
	return openNetns(ref)
}

// addDeclared makes a slave with its addresses. Under mu. When it fails nothing is
// left of it.
func (m *master) addDeclared(want api.DeclaredSlave) (*slave, error) {
	ns, err := openDeclared(want.Link.Netns)
	if err != nil {
		return nil, err
	}
	defer unix.Close(ns)
	s, err := m.addSlave(want.Link, ns)
	if err != nil {
		return nil, err
	}
	err = s.setLinkUp(!want.Down)
	for _, p := range want.Addrs {
		err = errors.Join(err, s.addAddr(p))
	}
	if err != nil {
		return nil, errors.Join(err, s.leave())
	}
	return s, nil
}

// setLinkUp sets the slave's interface up or down, if it has one.
func (s *slave) setLinkUp(up bool) error {
	if s.tap == nil {
		return nil
	}
	return s.onInterface(func(l link.Link) error { return l.SetUp(up) })
}

// addAddr gives the slave an address that no other slave may have. The registry
// knows it at once, so that whoever comes next is checked against it.
func (s *slave) addAddr(p netip.Prefix) error {
	if err := s.m.addrs.check(s.id, p.Addr()); err != nil {
		return s.m.d.nameOwner(s.m, err)
	}
	if s.tap == nil {
		return s.claimStatic(p)
	}
	err := s.onInterface(func(l link.Link) error { return l.AddAddr(p) })
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	s.m.addrs.claim(s.id, p.Addr())
	return nil
}

// delAddr takes an address from the slave. One that is gone is no error.
func (s *slave) delAddr(p netip.Prefix) error {
	if s.tap == nil {
		return s.releaseStatic(p)
	}
	err := s.onInterface(func(l link.Link) error { return l.DelAddr(p) })
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return err
	}
	s.m.addrs.release(s.id, p.Addr())
	return nil
}

// request is the link add that would make this slave.
func (s *slave) request() api.LinkAdd {
	return api.LinkAdd{Master: s.m.name, Name: s.place().name, Kind: s.kind, MTU: s.model.MTU, Options: s.options}
}

// replaces reports that a declared slave is of another kind than s, or has options
// that cannot be changed.
func (s *slave) replaces(want api.DeclaredSlave) bool {
	have, w := s.request(), want.Link
	w.Kind = cmp.Or(w.Kind, kind.Names()[0])
	if w.MTU != 0 && w.MTU != have.MTU && s.tap == nil {
		return true
	}
	w.Name, w.Netns, w.MTU, have.Name, have.Netns, have.MTU = "", "", 0, "", "", 0
	return have != w
}

// declared is the slave as a file would declare it.
func (s *slave) declared() (api.DeclaredSlave, error) {
	p := s.place()
	d := api.DeclaredSlave{Link: s.request(), Addrs: s.record.Addrs}
	if d.Link.Kind == kind.Names()[0] {
		d.Link.Kind = ""
	}
	if d.Link.MTU == s.m.template.MTU {
		d.Link.MTU = 0
	}
	if s.tap == nil {
		return d, nil
	}
	d.Down = p.flags&unix.IFF_UP == 0
	if own, err := netns.IDOf(netns.Here); err != nil || p.netns != own {
		d.Link.Netns = netns.Ref(p.netns)
	}
	var err error
	d.Addrs, err = s.globalAddrs()
	return d, err
}

// globalAddrs are the interface's addresses but those that it gives itself.
func (s *slave) globalAddrs() (addrs []netip.Prefix, err error) {
	err = s.onInterface(func(l link.Link) error {
		all, err := l.Addrs()
		for _, a := range all {
			if a.Scope == unix.RT_SCOPE_UNIVERSE && a.Flags&unix.IFA_F_TEMPORARY == 0 {
				addrs = append(addrs, a.Prefix)
			}
		}
		return err
	})
	return addrs, err
}

// putBack takes a slave into the running system that was taken out and not ended.
// Under mu.
func (m *master) putBack(s *slave) error {
	m.insert(s)
	s.watch()
	var errs []error
	if s.tap == nil {
		for _, p := range s.record.Addrs {
			errs = append(errs, m.addrs.claimStatic(s.id, p.Addr()))
		}
	}
	return errors.Join(append(errs, m.d.swap())...)
}

// moveTo moves the slave's interface to the namespace open as ns under a name. What
// it had of addresses comes along; routes do not. Under mu.
func (s *slave) moveTo(ns int, name string) error {
	addrs, err := s.globalAddrs()
	if err != nil {
		return err
	}
	up := s.place().flags&unix.IFF_UP != 0
	if err := s.tap.MoveTo(ns, name); err != nil {
		return fmt.Errorf("move to %q: %w", name, err)
	}
	errs := []error{s.setUp(), s.setLinkUp(up)}
	errs = append(errs, s.onInterface(func(l link.Link) error {
		for _, p := range addrs {
			if err := l.AddAddr(p); err != nil && !errors.Is(err, unix.EEXIST) {
				return err
			}
		}
		return nil
	}))
	return errors.Join(errs...)
}

// lacks says that a recorded slave is there but not taken up.
func (m *master) lacks(id int, name string) bool {
	return slices.ContainsFunc(m.missing, func(s *missing) bool { return s.record.ID == id || id == 0 && s.record.Name == name })
}
