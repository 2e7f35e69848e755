package main

import (
	"net"

	"ipvd/cmd/internal/kind"
	"ipvd/cmd/internal/store"
	"ipvd/pmd"
	"ipvd/pmd/peer"
)

// opener is how the ports of a kind are opened: for a new slave, and for one that an
// earlier run has left, of which nothing must be made anew that is still there.
type opener struct {
	open   func(s *slave, mtu int) (pmd.Port, error)
	reopen func(s *slave, r store.Slave) (pmd.Port, error)
}

// again is an opener of ports of which nothing outlives the daemon.
func again(open func(s *slave, mtu int) (pmd.Port, error)) opener {
	return opener{open, func(s *slave, r store.Slave) (pmd.Port, error) { return open(s, r.MTU) }}
}

// kinds is the table of slave kinds; package kind tells their words.
func kinds() map[string]opener {
	return map[string]opener{
		"tap":         {openTAP, reopenTAP},
		"memif":       again(openMemif),
		"vhost-user":  again(openVhostUser),
		"virtio-user": again(openVirtioUser),
		"vdev":        again(openVdev),
	}
}

// peerConfig is what ports whose peer is a process are told of the slave.
func (s *slave) peerConfig(mtu int) peer.Config {
	server, _ := kind.Server(s.options.Role) // checked with the request
	return peer.Config{Path: s.options.Socket, Listen: server, Queues: s.options.Queues, MTU: mtu,
		MAC: net.HardwareAddr(append([]byte(nil), s.m.mac()...)), Log: s.tellPeer}
}

// tellPeer logs that a peer has come or gone.
func (s *slave) tellPeer(event string, err error) {
	s.m.log.Info().Int("id", int(s.id)).Str("kind", s.kind).Str("socket", s.options.Socket).Err(err).Msg("the slave's " + event)
}
