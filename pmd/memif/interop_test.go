package memif

import (
	"fmt"
	"testing"

	"ipvd/pmd/peer"
	"ipvd/pmd/peer/peertest"
)

// TestWithDPDK: DPDK's driver at the other end, in both roles, of several frames.
func TestWithDPDK(t *testing.T) {
	for _, role := range []string{"server", "client"} {
		t.Run(role, func(t *testing.T) {
			dir := t.TempDir()
			var ports [2]*peer.Port
			var devargs []string
			for i := range ports {
				path := fmt.Sprintf("%s/%d", dir, i)
				ports[i] = open(t, Config{Path: path, Server: role == "client", ID: uint32(i), Secret: "s"})
				devargs = append(devargs, fmt.Sprintf("net_memif%d,role=%s,id=%d,socket-abstract=no,secret=s,rsize=9,socket=%s", i, role, i, path))
			}
			r := peertest.New(t, ports[0], ports[1])
			peertest.Testpmd(t, devargs...)
			r.Await("both are connected", func() bool { return ports[0].Carrier() && ports[1].Carrier() })
			r.Through()
		})
	}
}
