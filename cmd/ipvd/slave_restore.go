package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/store"
	"ipvd/flows/ipvlan"
)

// restoreSlaves takes up the slaves that an earlier run has left. One that
// cannot be had is logged and stays in the state; the others run.
func (d *daemon) restoreSlaves() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.stored.drop(d.service, d.log)
	defer d.early.close() // first: it still takes from what is stored
	for _, r := range d.records {
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
	s := &slave{m: m, id: id, kind: r.Kind, options: r.Options, record: r, saved: r}
	open, known := kinds()[r.Kind]
	if !known {
		return fmt.Errorf("kind %q is unknown: %w", r.Kind, unix.EINVAL)
	}
	port, err := open.reopen(s, r)
	if err != nil {
		return err
	}
	if s.tap != nil {
		s.record.Name = s.tap.Name()
	}
	s.model = ipvlan.NewSlave(m.name, id, s.record.Name, port, r.MTU, m.d.workers())
	s.prepareLearning()
	if s.iface != "" {
		if err := s.moveHome(r.Netns); err != nil {
			return errors.Join(err, port.Close())
		}
	}
	m.insert(s)
	if err := m.d.swap(); err != nil {
		m.remove(s)
		return errors.Join(err, port.Close())
	}
	if s.tap != nil && !m.carrier {
		m.applyCarrier(s.tap)
	}
	s.watch()
	s.keep()
	for _, p := range r.Addrs {
		err = errors.Join(err, m.addrs.claimStatic(id, p.Addr()))
	}
	return err
}
