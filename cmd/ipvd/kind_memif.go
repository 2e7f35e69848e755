package main

import (
	"ipvd/pmd"
	"ipvd/pmd/memif"
)

// openMemif makes a memif, whose peer may come at any time.
func openMemif(s *slave, mtu int) (pmd.Port, error) {
	c := s.peerConfig(mtu)
	return memif.Open(memif.Config{Path: c.Path, Server: c.Listen, ID: uint32(s.options.MemifID), Secret: s.options.Secret,
		Name: s.key(), Queues: c.Queues, MAC: c.MAC, MTU: c.MTU, Log: c.Log})
}
