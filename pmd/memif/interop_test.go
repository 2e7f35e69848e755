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
			r.Await("frames pass", func() bool {
				r.Queue(0, peertest.Frame(60, 1))
				r.Step()
				return len(r.Received(1)) > 0
			})
			for n := range 3000 {
				f := peertest.Frame(60+n%1400, n)
				r.Queue(n%2, f)
				var got [][]byte
				r.Await("a frame comes back", func() bool {
					for _, g := range r.Received(1 - n%2) {
						if len(g) != 60 || len(f) == 60 { // not one of those before
							got = append(got, g)
						}
					}
					return len(got) > 0
				})
				if string(got[0]) != string(f) && len(f) != 60 {
					t.Fatalf("frame %d: got %d bytes, want %d", n, len(got[0]), len(f))
				}
			}
		})
	}
}
