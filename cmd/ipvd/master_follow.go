package main

import (
	"errors"
	"net"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/pmd"
	"ipvd/pmd/tap"
)

// setMTU makes wire, routing and slaves follow the host port's new MTU; a
// slave's own setting is overwritten, as the kernel does (ipvlan_main.c,
// ipvlan_adjust_mtu). Under mu.
func (m *master) setMTU(mtu int) error {
	err := m.setWireMTU(mtu)
	if err != nil {
		return err
	}
	m.template.MTU = mtu
	m.host.SetInfo(mtu, m.mac())
	if m.punt != nil {
		err = m.punt.SetMTU(mtu)
	}
	if m.ret != nil {
		err = m.setReturnMTU(mtu)
	}
	m.eachInterface("the MTU does not follow the master's", func(s *slave, l link.Link) error { return l.SetMTU(mtu) })
	return errors.Join(err, m.d.swap())
}

// setReturnMTU lets the host forward packets of the new size to the slaves.
func (m *master) setReturnMTU(mtu int) error {
	l, s, err := link.ByName(netns.Here, m.returnName())
	if err == nil {
		err = l.SetMTU(mtu)
	}
	if err != nil {
		return err
	}
	m.ret.SetInfo(mtu, s.MAC())
	return nil
}

// setMAC makes wire and slaves follow the host port's new MAC. Under mu.
func (m *master) setMAC(mac net.HardwareAddr) error {
	err := m.wire.SetMAC(mac)
	if errors.Is(err, pmd.ErrUnsupported) {
		err = nil // a wire without filters of its own takes frames for any MAC
	}
	if err != nil {
		return err
	}
	copy(m.template.MAC[:], mac)
	m.host.SetInfo(m.template.MTU, mac)
	m.eachInterface("the MAC does not follow the master's", func(s *slave, l link.Link) error {
		return errors.Join(l.SetMAC(mac), l.EnsureLinkLocal(s.id))
	})
	return m.d.swap()
}

// applyCarrier gives a port's interface the wire's carrier. The kernel refuses
// it while the interface's namespace ends. Under mu.
func (m *master) applyCarrier(p *tap.Port) {
	if err := p.SetCarrier(m.carrier); err != nil && !p.Gone() {
		m.log.Warn().Err(err).Str("port", p.Name()).Msg("the carrier does not follow the wire's")
	}
}
