package main

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"
	"ipvd/pmd"
	"ipvd/pmd/tap"
)

// openTAP makes the interface in the daemon's own namespace, from where join
// moves it: the file of a TAP keeps the namespace alive in which it was opened
// (tun_chr_open in drivers/net/tun.c), and a slave must die with its namespace.
func openTAP(s *slave, mtu int) (pmd.Port, error) {
	var err error
	s.tap, err = tap.Open(tap.Config{Alias: s.m.alias(s.id), MTU: mtu, MAC: s.m.mac(), Persist: !s.m.d.cfg.Ephemeral,
		NoOffloads: s.m.d.cfg.Offloads == "off", NoGRO: s.m.d.cfg.GRO == "off"})
	return s.tap, err
}

// reopenTAP looks for the interface in the namespace where it was seen last, by its
// alias, since it may have been renamed there, unless it is attached already;
// nothing is created.
func reopenTAP(s *slave, r store.Slave) (pmd.Port, error) {
	if t := s.m.d.early.take(r.Key()); t != nil {
		return s.useEarly(t)
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
