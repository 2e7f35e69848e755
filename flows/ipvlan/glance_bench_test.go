package ipvlan

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is what the calling thread, which must be locked, has used.
func cpuTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// BenchmarkMatch finds the flows of bursts of 128 packets, drawn at random.
func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{100, 100000} {
		b.Run(fmt.Sprintf("%d flows", n), func(b *testing.B) {
			tab := NewFlowTable()
			var keys []flowKey
			for i := range n {
				orig, reply := manyFlow(2 * i)
				if _, err := tab.Add(orig, reply, true, false); err != nil {
					b.Fatal(err)
				}
				keys = append(keys, orig.key(fromSlave))
			}
			rnd := rand.New(rand.NewPCG(1, 1))
			bursts := make([][128]glance, 512)
			for i := range bursts {
				for j := range bursts[i] {
					k := &keys[rnd.IntN(n)]
					bursts[i][j] = glance{addrs: k.addrs, kind: k.kind}
				}
			}
			found := 0
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			b.ResetTimer()
			start := cpuTime()
			for i := range b.N {
				burst := &bursts[i%len(bursts)]
				halves := tab.bases()
				tab.match(burst[:], func(i, end int) {
					for k := range burst[i:end] {
						if g := &burst[i+k]; g.place != noPlace && halves.half(g.place).addrs == g.addrs {
							found++
						}
					}
				})
			}
			b.ReportMetric(float64(cpuTime()-start)/float64(b.N)/128, "cpu-ns/packet")
			if found < b.N*128*9/10 { // the others are not in their home pair
				b.Errorf("%d of %d found", found, b.N*128)
			}
		})
	}
}
