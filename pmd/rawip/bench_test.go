package rawip

import (
	"fmt"
	"testing"

	"ipvd/pmd"
)

// BenchmarkSend sends bursts to a veth whose peer drops them; the longest are
// sent in fragments.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{18, 1372, 2000} {
		b.Run(fmt.Sprintf("payload=%d", size), func(b *testing.B) {
			r := newRig(b, 1500)
			r.ip(r.host, "neighbour replace %s lladdr %s dev host0", peerIP4, peerMAC)
			m := r.mbuf(udpFrame(slaveIP4, peerIP4, size), 2048)
			burst, _ := r.v.Grow(32)
			for i := range r.v.Packets(burst) {
				r.v.Packets(burst)[i] = m
			}
			b.ResetTimer()
			for n := 0; n < b.N; n += int(burst.N) {
				m.AddRefs(int(burst.N))
				r.set.TxList().Add(r.tx, pmd.Burst{Off: burst.Off, N: burst.N})
				r.set.Send()
				r.first.Receive()
			}
			b.StopTimer()
			r.rt.Free(m)
		})
	}
}
