package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/link"
	"ipvd/flows/ipvlan"
)

// Addrs shows the addresses of slaves.
func (d *daemon) Addrs(ctx context.Context, c api.Caller, f api.AddrFilter) ([]api.Addr, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var only *slave
	if f.Name != "" {
		var err error
		if only, err = d.find(c, f.Name, f.Netns); err != nil {
			return nil, err
		}
	}
	inNetns, err := filterNetns(f.Netns)
	if err != nil {
		return nil, err
	}
	addrs := []api.Addr{}
	for _, m := range d.masters {
		for _, claim := range m.addrs.claims() {
			s := m.slave(uint16(claim.Slave))
			if s == nil || (only != nil && s != only) || (inNetns != nil && s.place().netns != *inNetns) {
				continue
			}
			addrs = append(addrs, s.showAddr(claim))
		}
	}
	slices.SortStableFunc(addrs, func(a, b api.Addr) int {
		return cmp.Or(cmp.Compare(a.Master, b.Master), cmp.Compare(a.ID, b.ID))
	})
	return addrs, nil
}

func (s *slave) showAddr(c ipvlan.Claimed) api.Addr {
	a := api.Addr{Link: s.place().name, Master: s.m.name, ID: int(s.id), Family: "inet6",
		Local: c.Addr.String(), State: c.State.String(), Source: "kernel"}
	if c.Addr.Is4() {
		a.Family = "inet"
	}
	switch {
	case c.Source&ipvlan.Static != 0:
		a.Source = "static"
	case s.tap == nil:
		a.Source = "learned"
	}
	if c.Owner != c.Slave {
		a.Owner = fmt.Sprintf("%s/%d", s.m.name, c.Owner)
		if o := s.m.slave(uint16(c.Owner)); o != nil {
			a.Owner = o.place().name
		}
	}
	return a
}

// AddrAdd gives a slave an address, after checking that no other has it, which
// the kernel cannot do for us when the address is added in the namespace.
func (d *daemon) AddrAdd(ctx context.Context, c api.Caller, r api.AddrChange) error {
	return d.changeAddr(c, r, func(s *slave, p netip.Prefix) error {
		if err := s.m.addrs.check(s.id, p.Addr()); err != nil {
			return d.nameOwner(s.m, err)
		}
		if s.tap == nil {
			return s.claimStatic(p)
		}
		return s.onInterface(func(l link.Link) error { return l.AddAddr(p) })
	})
}

// AddrDel takes an address from a slave.
func (d *daemon) AddrDel(ctx context.Context, c api.Caller, r api.AddrChange) error {
	return d.changeAddr(c, r, func(s *slave, p netip.Prefix) error {
		if s.tap == nil {
			return s.releaseStatic(p)
		}
		return s.onInterface(func(l link.Link) error { return l.DelAddr(p) })
	})
}

func (d *daemon) changeAddr(c api.Caller, r api.AddrChange, f func(*slave, netip.Prefix) error) error {
	p, err := r.Prefix()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.find(c, r.Name, r.Netns)
	if err != nil {
		return err
	}
	return f(s, p)
}

// nameOwner says which interface has an address instead of its number.
func (d *daemon) nameOwner(m *master, err error) error {
	var taken *ipvlan.AssignedError
	if !errors.As(err, &taken) {
		return err
	}
	owner := fmt.Sprintf("%s/%d", m.name, taken.Slave)
	if s := m.slave(uint16(taken.Slave)); s != nil {
		owner = fmt.Sprintf("%s (%s in %s)", s.place().name, owner, s.place().where())
	}
	return &api.Refusal{Text: fmt.Sprintf("%v: Address already assigned to an ipvlan device: %s", taken.Addr, owner), Errno: unix.EADDRINUSE}
}

// onInterface runs f on the slave's interface, wherever it is.
func (s *slave) onInterface(f func(link.Link) error) error {
	fd, err := s.tap.Netns()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	name, err := s.tap.IfName()
	if err != nil {
		return err
	}
	l, _, err := link.ByName(fd, name)
	if err != nil {
		return err
	}
	return f(l)
}

// claimStatic records an address of a port without an interface.
func (s *slave) claimStatic(p netip.Prefix) error {
	if slices.ContainsFunc(s.record.Addrs, func(have netip.Prefix) bool { return have.Addr() == p.Addr() }) {
		return &api.Refusal{Text: fmt.Sprintf("%s has address %v already", s.key(), p.Addr()), Errno: unix.EEXIST}
	}
	if err := s.m.addrs.claimStatic(s.id, p.Addr()); err != nil {
		return err
	}
	s.record.Addrs = append(s.record.Addrs, p)
	return s.save()
}

func (s *slave) releaseStatic(p netip.Prefix) error {
	for i, have := range s.record.Addrs {
		if have.Addr() == p.Addr() {
			s.m.addrs.releaseStatic(s.id, p.Addr())
			s.record.Addrs = append(s.record.Addrs[:i], s.record.Addrs[i+1:]...)
			return s.save()
		}
	}
	return &api.Refusal{Text: fmt.Sprintf("%s has no address %v", s.key(), p.Addr()), Errno: unix.EADDRNOTAVAIL}
}

// check, claimStatic and releaseStatic are the registry's part of AddrAdd.
func (r *registry) check(id uint16, a netip.Addr) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reg.Check(a, uint32(id))
}

func (r *registry) claimStatic(id uint16, a netip.Addr) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, err := r.reg.Claim(uint32(id), a, ipvlan.Static)
	r.changed(events)
	return err
}

func (r *registry) releaseStatic(id uint16, a netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(r.reg.Release(uint32(id), a, ipvlan.Static))
}
