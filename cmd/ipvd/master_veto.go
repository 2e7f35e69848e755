package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/flows/ipvlan"
)

// With --compat kernel, what the kernel's driver would have refused is undone as
// soon as it is seen: an address that another slave has, a slave's MAC, and the
// membership of a slave or of the host port in a bridge. Between the two lie some
// milliseconds.

// conflicts has an address taken from a slave that may not have it. Under the
// registry's mu.
func (m *master) conflicts(e ipvlan.Event) {
	if m.template.CompatKernel {
		m.d.chores.add(fmt.Sprintf("%s/%d veto %v", m.name, e.Slave, e.Addr), func() { m.vetoAddr(uint16(e.Slave), e.Addr) })
	}
}

// vetoAddr takes a permanent address that is in conflict from its slave. The
// kernel's driver does not ask for those that the stack makes itself
// (ipvlan_main.c, ipvlan_addr6_validator_event), so they stay.
func (m *master) vetoAddr(id uint16, a netip.Addr) {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	s := m.slave(id)
	if s == nil || s.tap == nil || !m.addrs.inConflict(id, a) {
		return
	}
	err := s.onInterface(func(l link.Link) error {
		have, err := l.Addrs()
		if err != nil {
			return err
		}
		for _, h := range have {
			if (h.Prefix.Addr() == a || h.Peer == a) && h.Flags&unix.IFA_F_PERMANENT != 0 {
				return l.DelAddr(h.Prefix)
			}
		}
		return nil
	})
	m.log.Warn().Err(err).Stringer("addr", a).Int("id", int(id)).Msg("address of another slave is taken from the interface")
}

// inConflict reports that a slave has an address that is another's.
func (r *registry) inConflict(id uint16, a netip.Addr) bool {
	for _, c := range r.claims() {
		if c.Slave == uint32(id) && c.Addr == a {
			return c.State == ipvlan.Conflict
		}
	}
	return false
}

// hostGone is for a host port that was removed: the kernel's driver removes the
// slaves with their master (ipvlan_main.c, ipvlan_device_event).
func (m *master) hostGone() {
	m.setTrouble("host port is gone")
	if !m.template.CompatKernel {
		return
	}
	m.d.mu.Lock()
	slaves := slices.Clone(m.slaves)
	m.d.mu.Unlock()
	for _, s := range slaves {
		if err := m.forget(s); err != nil {
			m.log.Error().Err(err).Str("slave", s.key()).Msg("remove a slave with its master")
		}
	}
}

// vetoMAC gives the slave's interface the master's MAC again. Under mu.
func (s *slave) vetoMAC(p place) {
	mac := net.HardwareAddr(p.mac)
	if !s.m.template.CompatKernel || len(mac) != 6 || mac.String() == s.m.mac().String() {
		return
	}
	err := s.onInterface(func(l link.Link) error { return l.SetMAC(s.m.mac()) })
	s.m.log.Warn().Err(err).Int("id", int(s.id)).Stringer("mac", mac).Msg("the slave's MAC was changed, and is the master's again")
}

// vetoUpper takes the slave's interface out of what it was put into. Under mu.
func (s *slave) vetoUpper(p place) {
	if !s.m.template.CompatKernel || p.master == 0 {
		return
	}
	err := s.onInterface(link.Link.Release)
	s.m.log.Warn().Err(err).Int("id", int(s.id)).Msg("the slave was made part of another interface, and is on its own again")
}

// vetoUpper does the same with the host port, unless it has become part of a
// VRF, as the kernel's driver lets its master. Under mu.
func (m *master) vetoUpper(p place) {
	if !m.template.CompatKernel || p.master == 0 || m.host == nil {
		return
	}
	fd, err := m.host.Netns()
	if err != nil {
		return // it is gone, which its watcher tells
	}
	defer unix.Close(fd)
	if _, upper, err := link.ByIndex(fd, p.master); err != nil || upper.Kind == "vrf" {
		return
	}
	l, _, err := link.ByIndex(fd, p.index)
	if err == nil {
		err = l.Release()
	}
	m.log.Warn().Err(err).Msg("the host port was made part of another interface, and is on its own again")
}
