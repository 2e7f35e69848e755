package main

import (
	"errors"
	"fmt"

	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/host/numa"
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
)

// anySocket leaves it to DPDK where memory lies.
const anySocket = -1

// newPool makes a pool of --pool mbufs on a NUMA node.
func (d *daemon) newPool(socket int) (*dpdk.Pool, error) {
	pool, err := d.rt.NewPool(dpdk.PoolConfig{Name: "ipvd", Size: d.cfg.Pool, Cache: poolCache(d.cfg.Burst), Socket: socket})
	if errors.Is(err, pmd.ErrNoMemory) {
		err = fmt.Errorf("--pool %d with --memory %d: %w", d.cfg.Pool, d.cfg.Memory, err)
	}
	return pool, err
}

// wireSocket is the NUMA node of the wire's NIC where that matters: on machines
// with several, whose hugepages lie on one each. Else it is anySocket.
func (m *master) wireSocket(machine numa.Machine) int {
	if !m.d.rt.Hugepages() || !machine.Several() {
		return anySocket
	}
	switch m.conf.Kind {
	case config.PCI:
		return machine.OfPCI(m.conf.Device)
	case config.Interface:
		return machine.OfInterface(m.conf.Device)
	}
	return anySocket
}

// usePoolNear has the wire receive into a pool on its NIC's NUMA node, and tells
// of workers that are on another. Before a kernel interface is taken over.
func (m *master) usePoolNear() {
	m.pool = m.d.pool
	machine := numa.Here()
	socket := m.wireSocket(machine)
	if socket < 0 {
		return
	}
	var far []int
	for _, cpu := range m.d.cfg.Workers {
		if node := machine.OfCPU(cpu); node >= 0 && node != socket {
			far = append(far, cpu)
		}
	}
	if len(far) > 0 {
		m.log.Warn().Int("wire_node", socket).Ints("workers", far).
			Msg("workers are on another NUMA node than the wire, which makes each packet dearer: choose others with --workers")
	}
	pool, err := m.d.poolOn(socket)
	if err != nil {
		m.log.Warn().Err(err).Int("wire_node", socket).Msg("the wire's NUMA node has no room for packets: they lie on another, which makes them dearer")
		return
	}
	m.pool = pool
}

// poolOn gives the pool of a NUMA node, which the masters share whose wires are
// on it.
func (d *daemon) poolOn(socket int) (*dpdk.Pool, error) {
	if d.pools[socket] == nil {
		pool, err := d.newPool(socket)
		if err != nil {
			return nil, err
		}
		d.pools[socket] = pool
	}
	return d.pools[socket], nil
}

// closePools closes what poolOn has made.
func (d *daemon) closePools() error {
	var errs []error
	for _, p := range d.pools {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
