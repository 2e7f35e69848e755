package vhost

import (
	"fmt"
	"testing"

	"ipvd/pmd/peer"
	"ipvd/pmd/peer/peertest"
)

// TestWithDPDK: DPDK's virtio-user is the frontend, in both roles.
func TestWithDPDK(t *testing.T) {
	for server, name := range []string{"frontend connects", "frontend listens"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var ports [2]*peer.Port
			var devargs []string
			for i := range ports {
				path := fmt.Sprintf("%s/%d", dir, i)
				ports[i] = open(t, Config{Path: path, Server: server == 0, MTU: 1500, Queues: 2})
				devargs = append(devargs, fmt.Sprintf("net_virtio_user%d,path=%s,queue_size=256,server=%d", i, path, server))
			}
			r := peertest.New(t, ports[0], ports[1])
			peertest.Testpmd(t, devargs...)
			r.Await("both are connected", func() bool { return ports[0].Carrier() && ports[1].Carrier() })
			r.Through()
		})
	}
}
