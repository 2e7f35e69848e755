package main

import (
	"ipvd/flows/ipvlan"
	"ipvd/flows/route/mirror"
)

// openMirror follows the routing of the namespace open as ns by the host port's
// interface; nothing when the host is to route each packet.
func (m *master) openMirror(ns int, hostPort string) (*mirror.Mirror, *ipvlan.Routing, error) {
	if m.d.cfg.L3Path == "host" {
		return nil, nil, nil
	}
	r := ipvlan.NewRouting()
	mir, err := mirror.Open(ns, mirror.Config{
		Device: hostPort, FIB: r.FIB, OnLink: m.template.CompatKernel,
		Report: func(err error) {
			if err != nil {
				m.log.Error().Err(err).Msg("the host's routing cannot be read: its kernel routes each packet until it can")
			} else {
				m.log.Info().Msg("the host's routing is followed again")
			}
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return mir, r, nil
}
