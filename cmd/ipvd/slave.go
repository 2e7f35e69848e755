package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/kind"
	"ipvd/cmd/internal/learn"
	"ipvd/cmd/internal/store"
	"ipvd/flows/ipvlan"
	"ipvd/pmd"
	"ipvd/pmd/tap"
)

// slave is a slave of a master. m and id never change; place is guarded by the
// registry, the rest by the daemon's mu.
type slave struct {
	m       *master
	id      uint16
	model   *ipvlan.Slave
	kind    string
	options kind.Options
	tap     *tap.Port      // nil for other kinds
	iface   string         // that the kernel made for a port of another kind, until it is moved
	lessons *learn.Lessons // nil: its addresses are not learned from its frames
	record  store.Slave
	saved   store.Slave // record as it is on the disk
	early   *earlyTAP   // until the monitor follows it
	mac     string      // of the interface when it was last looked at, raw bytes
}

// alias is what the interface bears besides its name, which the namespace's
// owner may change: a slave is its id.
func (m *master) alias(id uint16) string { return fmt.Sprintf("ipvd:%s:%d", m.name, id) }

// key tells slaves apart in the daemon, as in `eth0/1`.
func (s *slave) key() string { return fmt.Sprintf("%s/%d", s.m.name, s.id) }

// addSlave makes a slave in the namespace open as ns. Under mu. When it fails
// nothing is left of it.
func (m *master) addSlave(r api.LinkAdd, ns int) (*slave, error) {
	id, err := m.takeID()
	if err != nil {
		return nil, err
	}
	mtu := r.MTU
	if mtu == 0 {
		mtu = m.template.MTU
	}
	s := &slave{m: m, id: id, kind: cmp.Or(r.Kind, "tap"), options: r.Options}
	port, err := kinds()[s.kind].open(s, mtu)
	if err != nil {
		return nil, err
	}
	s.model = ipvlan.NewSlave(m.name, id, r.Name, port, mtu, m.d.workers())
	s.prepareLearning()
	if err := s.join(ns); err != nil {
		return nil, errors.Join(err, s.leave())
	}
	return s, nil
}

// join makes the slave part of the running system: into its namespace, the
// graph, the monitor and the state.
func (s *slave) join(ns int) error {
	m := s.m
	if s.tap != nil {
		if err := s.setUp(); err != nil {
			return err
		}
		if err := s.tap.MoveTo(ns, s.model.Name); err != nil {
			if errors.Is(err, tap.ErrNameTaken) {
				return &api.Refusal{Text: fmt.Sprintf("%q is the name of another interface in that namespace", s.model.Name), Errno: unix.EEXIST}
			}
			return err
		}
		if err := s.setUp(); err != nil {
			return err
		}
	}
	if s.iface != "" {
		if err := s.moveInterface(ns); err != nil {
			return err
		}
	}
	m.insert(s)
	if err := m.d.swap(); err != nil {
		m.remove(s)
		return fmt.Errorf("take slave %s into the graph: %w", s.model.Name, err)
	}
	if s.tap != nil && !m.carrier {
		m.applyCarrier(s.tap)
	}
	s.watch()
	s.keep()
	return errors.Join(s.save(), m.save())
}

// leave undoes join, as far as it came. Under mu.
func (s *slave) leave() error {
	if s.m.slave(s.id) != s {
		return s.discard()
	}
	if err := s.m.takeOut(s); err != nil {
		return err
	}
	return s.end()
}

// insert keeps the slaves in order of their ids.
func (m *master) insert(s *slave) {
	i, _ := slices.BinarySearchFunc(m.slaves, s.id, func(o *slave, id uint16) int { return int(o.id) - int(id) })
	m.slaves = slices.Insert(m.slaves, i, s)
}

func (m *master) remove(s *slave) {
	m.slaves = slices.DeleteFunc(m.slaves, func(o *slave) bool { return o == s })
}

// takeOut takes a slave out of the graph, waits for the workers, and takes it out
// of the table and the monitor. Under mu. The caller ends it then, or when this
// fails has it as it was.
func (m *master) takeOut(s *slave) error {
	m.remove(s)
	if err := m.d.swap(); err != nil {
		m.insert(s)
		return fmt.Errorf("take slave %s out of the graph: %w", s.key(), err)
	}
	// Until here packets for it were dropped as no_slave.
	s.unwatch()
	m.addrs.gone(s.id)
	return nil
}

// end removes the interface and the record of a slave that was taken out. Not
// under mu: the kernel takes tens of milliseconds to remove an interface
// (rcu_barrier in netdev_run_todo, net/core/dev.c), during which others go on.
func (s *slave) end() error {
	err := errors.Join(s.letGo(), s.discard(), s.m.d.store.Slaves.Delete(s.record.Key()))
	s.m.log.Info().Int("id", int(s.id)).Str("slave", s.model.Name).Err(err).Msg("slave is removed")
	return err
}

// discard closes the port and removes the interface.
func (s *slave) discard() error {
	if s.tap == nil {
		return s.model.Port.Close()
	}
	err := s.tap.SetPersist(false)
	if errors.Is(err, pmd.ErrGone) {
		err = nil
	}
	return errors.Join(err, s.tap.Close())
}

// close closes the port when the daemon ends: a persistent interface stays.
func (s *slave) close() error {
	if s.model == nil {
		return nil
	}
	return s.model.Port.Close()
}

// openNetns opens the namespace that a request names.
func openNetns(ref string) (int, error) {
	fd, err := netns.Open(ref)
	if errors.Is(err, netns.ErrNotFound) {
		err = &api.Refusal{Text: err.Error(), Errno: unix.ENOENT}
	}
	return fd, err
}

// callerNetns gives the namespace that a request means: the one it names, else
// the caller's. The returned function closes it.
func callerNetns(c api.Caller, ref string) (fd int, done func(), err error) {
	if ref != "" {
		fd, err := openNetns(ref)
		return fd, func() { unix.Close(fd) }, err
	}
	if c.Netns == nil {
		return -1, nil, &api.Refusal{Text: fmt.Sprintf("the network namespace of the caller, process %d, cannot be seen: name one with netns", c.PID), Errno: unix.ESRCH}
	}
	return int(c.Netns.Fd()), func() {}, nil
}

// LinkAdd makes a slave.
func (d *daemon) LinkAdd(ctx context.Context, c api.Caller, r api.LinkAdd) (api.Link, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, err := d.masterFor(c, r)
	if err != nil {
		return api.Link{}, err
	}
	ns, done, err := callerNetns(c, r.Netns)
	if err != nil {
		return api.Link{}, err
	}
	defer done()
	mode, flag, err := m.modeForAdd(r)
	if err != nil {
		return api.Link{}, err
	}
	s, err := m.addSlave(r, ns)
	if err != nil {
		return api.Link{}, fmt.Errorf("link add %s: %w", r.Name, err)
	}
	// Last: a request that fails has changed nothing for the other slaves.
	if err := m.setMode(mode, flag); err != nil {
		return api.Link{}, errors.Join(err, s.leave())
	}
	m.log.Info().Int("id", int(s.id)).Str("slave", r.Name).Str("kind", s.kind).Msg("slave is added")
	return s.show(true, true), nil
}
