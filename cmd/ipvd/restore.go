package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"
	"ipvd/flows/ipvlan"
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
	"ipvd/pmd/tap"
)

// restoreSlaves takes up the slaves that an earlier run has left. One that
// cannot be had is logged and stays in the state; the others run.
func (d *daemon) restoreSlaves() error {
	records, err := d.store.Slaves.Load()
	if err != nil {
		d.log.Error().Err(err).Msg("the state of a slave cannot be read")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range records {
		m := d.master(r.Master)
		if m == nil {
			d.log.Warn().Str("slave", r.Key()).Msg("its master is not among this daemon's: it stays as it is")
			continue
		}
		m.takeUp(r, firstRetry)
	}
	return nil
}

func (m *master) restoreSlave(r store.Slave) error {
	id := uint16(r.ID)
	if m.slave(id) != nil || r.ID < 1 || r.ID > ipvlan.MaxSlaveID {
		return fmt.Errorf("slave id %d is in use or not in 1 to %d: %w", r.ID, ipvlan.MaxSlaveID, unix.EINVAL)
	}
	s := &slave{m: m, id: id, kind: r.Kind, devargs: r.Devargs, record: r}
	port, err := s.reattach(r)
	if err != nil {
		return err
	}
	if s.tap != nil {
		s.record.Name = s.tap.Name()
	}
	s.model = ipvlan.NewSlave(m.name, id, s.record.Name, port, r.MTU, m.d.workers())
	m.insert(s)
	if err := m.d.swap(); err != nil {
		m.remove(s)
		return errors.Join(err, port.Close())
	}
	if s.tap != nil && !m.carrier {
		m.applyCarrier(s.tap)
	}
	s.watch()
	for _, p := range r.Addrs {
		err = errors.Join(err, m.addrs.claimStatic(id, p.Addr()))
	}
	return err
}

// reattach opens the port of a recorded slave. A TAP is looked for in the
// namespace where it was seen last, by its alias, since it may have been renamed
// there; nothing is created.
func (s *slave) reattach(r store.Slave) (pmd.Port, error) {
	if r.Kind != "tap" {
		return s.m.d.rt.Attach(r.Devargs, vdevOptions(s.m.d, r.MTU))
	}
	ns, err := netns.OpenID(r.Netns)
	if err != nil {
		return nil, fmt.Errorf("namespace %v (%s): %w", r.Netns, r.NetnsName, err)
	}
	defer unix.Close(ns)
	l, _, err := link.ByAlias(ns, r.Alias)
	if err != nil {
		return nil, err
	}
	s.tap, err = tap.Attach(ns, tap.Config{Name: l.Name, Alias: r.Alias, MAC: s.m.mac(), Persist: true,
		NoOffloads: s.m.d.cfg.Offloads == "off", NoGRO: s.m.d.cfg.GRO == "off"})
	return s.tap, err
}

// vdevOptions are how a slave of kind vdev is opened: all workers may send to
// it, one receives from it.
func vdevOptions(d *daemon, mtu int) dpdk.PortOptions {
	return dpdk.PortOptions{Pool: d.pool, RxQueues: 1, TxQueues: d.workers(), RxDesc: rxDescriptors, TxDesc: txDescriptors,
		MTU: mtu, Promiscuous: true, Interrupts: d.adaptive(), Netns: -1}
}
