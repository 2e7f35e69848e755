package main

import (
	"ipvd/pmd"
	"ipvd/pmd/vhost"
)

// openVhostUser makes a virtio device, whose driver may come at any time.
func openVhostUser(s *slave, mtu int) (pmd.Port, error) {
	c := s.peerConfig(mtu)
	return vhost.Open(vhost.Config{Path: c.Path, Server: c.Listen, Queues: c.Queues, MAC: c.MAC, MTU: c.MTU, Log: c.Log})
}
