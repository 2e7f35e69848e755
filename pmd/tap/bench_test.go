package tap

import (
	"fmt"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/netns"
)

// BenchmarkReceive reads frames that wait in the kernel, at most burst a step;
// a burst of 1 is an epoll call for each frame.
func BenchmarkReceive(b *testing.B) {
	ns, fd := testNetns(b)
	const waiting = 256
	p := upPort(b, ns, fd, "eth0", 1500)
	sock := packetSocket(b, p)
	for _, size := range []int{60, 1514} {
		f := frame(size, 1)
		for _, burst := range []int{1, 8, 32, 128} {
			b.Run(fmt.Sprintf("bytes=%d/burst=%d", size, burst), func(b *testing.B) {
				r := newRig(b, 1024, 256, 256)
				r.slots(p, burst)
				for got := 0; got < b.N; {
					b.StopTimer()
					for range waiting {
						send(b, sock, f)
					}
					b.StartTimer()
					for left := waiting; left > 0; {
						r.taps.Receive()
						n := r.v.N
						r.v.DropBurst(pmd.Burst{N: uint32(n)})
						left, got = left-n, got+n
						r.v.Reset()
						r.first.Receive()
					}
				}
			})
		}
	}
}

// BenchmarkSend writes frames to a namespace whose stack drops them.
func BenchmarkSend(b *testing.B) {
	ns, fd := testNetns(b)
	p := upPort(b, ns, fd, "eth0", 9000)
	for _, size := range []int{60, 1514, 9014} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			r := newRig(b, 128, 64, 32)
			_, tx := r.slots(p, 32)
			r.queue(tx, frame(size, 1))
			m := r.v.Pkts[0]
			for range b.N {
				m.AddRefs(1)
				r.taps.txList.N, r.v.NFree = 1, 0
				r.taps.Send()
				r.v.NFree = 0
				r.rt.Free(m)
			}
			r.rt.Free(m)
		})
	}
}

// BenchmarkIdleStep polls TAPs that have nothing to say.
func BenchmarkIdleStep(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("taps=%d", n), func(b *testing.B) {
			_, fd := testNetns(b) // takes the interfaces with it: closing each is slow
			r := newRig(b, 64, 32, 8)
			err := netns.Do(fd, func() error {
				for range n {
					p := mustOpen(b, Config{Persist: true})
					if _, err := r.taps.AddRx(p.Rx()[0], 8); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				r.taps.Receive()
			}
		})
	}
}
