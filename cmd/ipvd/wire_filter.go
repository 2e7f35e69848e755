package main

import (
	"errors"
	"net"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/flows/ipvlan"
	"ipvd/pmd"
)

// filter is what a wire's own filter lets in of multicast. A NIC is not
// promiscuous unless --promiscuous asks for it: foreign unicast never arrives.
type filter struct {
	fixed  bool // it cannot be told groups, and lets all in
	groups []net.HardwareAddr
	some   bool // groups only, and no others
}

// setFilter lets in what somebody takes: all multicast frames in l2, where slaves
// join groups that only their namespaces know of, else those of the groups that
// the host port has joined, which alone takes them. A wire that is a kernel
// interface lets all in, as it was opened. Under mu.
func (m *master) setFilter() {
	wire, able := m.wire.(pmd.Filtering)
	if !able || m.taken != nil || m.filter.fixed {
		return
	}
	groups, all := m.wantedGroups()
	if all == !m.filter.some && (all || slices.EqualFunc(groups, m.filter.groups, slices.Equal[net.HardwareAddr])) {
		return
	}
	var err error
	if !all {
		err = wire.SetMulticast(groups)
	}
	if err == nil {
		err = wire.SetAllMulticast(all)
	}
	if err != nil {
		m.filter.fixed = errors.Is(err, pmd.ErrUnsupported)
		err = errors.Join(err, wire.SetAllMulticast(true))
		m.log.Info().Err(err).Msg("the wire receives all multicast frames, for its filter cannot be set")
		all = true
	}
	m.filter.groups, m.filter.some = groups, !all
	m.log.Debug().Bool("all", all).Int("groups", len(groups)).Msg("the wire's multicast filter is set")
}

// wantedGroups are the groups of the host port, or all.
func (m *master) wantedGroups() (groups []net.HardwareAddr, all bool) {
	if m.template.Mode == ipvlan.L2 || m.template.Promiscuous || m.hostPlace().flags&(unix.IFF_ALLMULTI|unix.IFF_PROMISC) != 0 {
		return nil, true
	}
	err := m.onHost(func(l link.Link) (err error) {
		groups, err = l.Groups()
		return err
	})
	return groups, err != nil
}
