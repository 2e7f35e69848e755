package main

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
)

// setWireMTU sets the wire's MTU, at rest if it must be.
func (m *master) setWireMTU(mtu int) error {
	err := m.wire.SetMTU(mtu)
	if errors.Is(err, pmd.ErrBusy) {
		err = m.atRest(func() error { return m.wire.SetMTU(mtu) })
	}
	if errors.Is(err, pmd.ErrUnsupported) {
		err = nil // the wire drops by reason what is too long for it
	}
	return err
}

// atRest makes a change of the wire while no worker polls it. Meanwhile the master
// is as if it were down: what is for the wire is dropped as master_down. A device
// that does nothing takes the wire's place in the graph. Under mu.
func (m *master) atRest(change func() error) error {
	idle, err := m.d.rt.Attach(fmt.Sprintf("net_null_rest%d,no-rx=1", slices.Index(m.d.masters, m)),
		dpdk.PortOptions{Pool: m.d.pool, TxQueues: m.d.workers(), Netns: -1})
	if err != nil {
		return fmt.Errorf("put the wire to rest: %w", err)
	}
	m.idle = idle
	if err = m.d.swap(); err == nil {
		err = change()
	}
	m.idle = nil
	return errors.Join(err, m.d.swap(), idle.Close())
}

// refuseMTU sets the host port's MTU back that is beyond what the wire's device can
// be set to, as the kernel refuses it for a NIC (dev_validate_mtu in
// net/core/dev.c), and reports whether it did. Under mu.
func (m *master) refuseMTU(mtu int) bool {
	most := m.wire.Info().MaxMTU
	if most == 0 || mtu <= most {
		return false
	}
	err := m.onHost(func(l link.Link) error { return l.SetMTU(m.template.MTU) })
	m.log.Warn().Err(err).Int("mtu", mtu).Int("most", most).Int("back_to", m.template.MTU).
		Msg("the wire cannot be set to the host port's new MTU: the host port is set back; some wires take a larger one from the start, with --mtu")
	return true
}

// onHost looks the host port's interface up, wherever it is, and calls f with it.
func (m *master) onHost(f func(link.Link) error) error {
	ns, err := m.host.Netns()
	if err != nil {
		return err
	}
	defer unix.Close(ns)
	name, err := m.host.IfName()
	if err != nil {
		return err
	}
	l, _, err := link.ByName(ns, name)
	if err != nil {
		return err
	}
	return f(l)
}
