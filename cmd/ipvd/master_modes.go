package main

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/l3s"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/flows/ipvlan"
	"ipvd/pmd/rawip"
	"ipvd/pmd/tap"
)

// returnName is the interface by which the host forwards to and from the
// slaves of a master in l3s.
func (m *master) returnName() string { return fmt.Sprintf("ipvd-ret%d", slices.Index(m.d.masters, m)) }

// setMode changes mode and flag of the running master. Under mu. When it fails
// the master is as it was.
func (m *master) setMode(mode ipvlan.Mode, flag ipvlan.Flag) error {
	old := *m.template
	if mode == old.Mode && flag == old.Flag {
		return nil
	}
	next := old
	next.Mode, next.Flag = mode, flag
	if mode != old.Mode {
		if err := m.openMode(&next, mode); err != nil {
			return err
		}
	}
	*m.template = next
	if err := m.d.swap(); err != nil {
		*m.template = old
		if mode != old.Mode {
			err = errors.Join(err, m.closeMode(&next, mode))
		}
		return fmt.Errorf("master %s: set mode %v %v: %w", m.name, mode, flag, err)
	}
	var errs []error
	m.setFilter()
	if mode != old.Mode {
		errs = append(errs, m.closeMode(m.template, old.Mode))
		for _, s := range m.slaves {
			if err := s.setUp(); err != nil {
				m.log.Warn().Err(err).Str("slave", s.model.Name).Msg("the interface does not follow the mode")
			}
		}
	}
	m.log.Info().Stringer("mode", mode).Stringer("flag", flag).Msg("mode is set")
	if err := errors.Join(append(errs, m.save())...); err != nil {
		m.log.Error().Err(err).Msg("the mode is set, but not all that belongs to it is done")
	}
	return nil
}

// openMode opens what a mode needs besides wire and host port, and puts it into
// t.
func (m *master) openMode(t *ipvlan.Master, mode ipvlan.Mode) error {
	var err error
	switch mode {
	case ipvlan.L3:
		err = m.openPunt(t)
	case ipvlan.L3S:
		err = m.openReturn(t)
	}
	if err != nil {
		return fmt.Errorf("master %s: prepare mode %v: %w", m.name, mode, errors.Join(err, m.closeMode(t, mode)))
	}
	return nil
}

// openPunt opens the output path of the namespace that the host port is in.
func (m *master) openPunt(t *ipvlan.Master) error {
	ns, err := m.host.Netns()
	if err != nil {
		return err
	}
	defer unix.Close(ns)
	id, err := netns.IDOf(ns)
	if err != nil {
		return err
	}
	name, err := m.host.IfName()
	if err != nil {
		return err
	}
	punt, err := rawip.Open(ns, rawip.Config{Device: name, MTU: t.MTU})
	if err != nil {
		return err
	}
	mirror, routing, err := m.openMirror(ns, name)
	if err != nil {
		return errors.Join(err, punt.Close())
	}
	m.punt, m.puntNetns, t.Punt = punt, id, punt.Tx()[0]
	m.mirror, t.Routing = mirror, routing
	return nil
}

// movePunt makes l3 route in the namespace that the host port has been moved to,
// as ipvlan does (ipvlan_main.c, ipvlan_device_event).
func (m *master) movePunt() {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	if m.punt == nil || m.hostPlace().netns == m.puntNetns {
		return
	}
	old, oldNetns, oldMirror, oldTemplate := m.punt, m.puntNetns, m.mirror, *m.template
	err := m.openPunt(m.template)
	if err == nil {
		unused, unusedMirror := old, oldMirror
		if err = m.d.swap(); err != nil {
			unused, unusedMirror = m.punt, m.mirror
			m.punt, m.puntNetns, m.mirror = old, oldNetns, oldMirror
			m.template.Punt, m.template.Routing = oldTemplate.Punt, oldTemplate.Routing
		}
		unusedMirror.Close()
		err = errors.Join(err, unused.Close())
	}
	m.log.Info().Err(err).Msg("l3 follows the host port to another namespace")
}

func (m *master) openReturn(t *ipvlan.Master) (err error) {
	m.ret, err = tap.Open(tap.Config{Name: m.returnName(), Alias: "ipvd:" + m.name + ":return", MTU: t.MTU, NoGRO: m.d.cfg.GRO == "off"})
	if err != nil {
		return err
	}
	l, s, err := link.ByName(netns.Here, m.returnName())
	if err != nil {
		return err
	}
	t.Return = m.ret
	copy(t.ReturnMAC[:], s.MAC())
	m.hosts, err = l3s.SetUp(m.name, m.hostName, l.Name, m.d.store.Hosts)
	if err != nil {
		return err
	}
	for _, c := range m.hosts.Changes() {
		m.log.Info().Stringer("change", c).Msg("host setting changed for l3s, until the mode or the daemon ends")
	}
	m.openShortcuts(t)
	m.addrs.setRoutes(m.hosts, m.cuts)
	m.addrs.followVRF()
	return nil
}

// closeMode closes what openMode has opened, after the last graph that used it.
func (m *master) closeMode(t *ipvlan.Master, mode ipvlan.Mode) error {
	var errs []error
	switch mode {
	case ipvlan.L3:
		if m.punt != nil {
			m.mirror.Close()
			errs = append(errs, m.punt.Close())
			m.punt, m.mirror, t.Punt, t.Routing = nil, nil, nil, nil
		}
	case ipvlan.L3S:
		m.addrs.setRoutes(nil, nil)
		errs = append(errs, m.closeShortcuts(t))
		if m.hosts != nil {
			errs = append(errs, m.hosts.Restore())
			m.hosts = nil
		}
		if m.ret != nil {
			errs = append(errs, m.ret.Close())
			m.ret, t.Return = nil, nil
		}
	}
	return errors.Join(errs...)
}

// setUp gives the slave's interface what the mode asks for, wherever it is now:
// NOARP in l3 and l3s, and ipvlan's own link-local address. Container root can
// change all of it; the data plane does not rely on it.
func (s *slave) setUp() error {
	if s.tap == nil {
		return nil
	}
	return s.onInterface(func(l link.Link) error {
		l2 := s.m.template.Mode == ipvlan.L2
		errs := []error{l.SetNoARP(!l2), l.EnsureLinkLocal(s.id)}
		if l2 {
			// Refused where router advertisements are not accepted; SLAAC does
			// not run there either.
			_ = l.SetToken(link.LinkLocal(s.m.mac(), s.id))
		}
		return errors.Join(errs...)
	})
}
