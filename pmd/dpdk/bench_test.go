package dpdk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/dpdk/cloop"
)

func BenchmarkEmptyExchange(b *testing.B) {
	for _, queues := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("queues=%d", queues), func(b *testing.B) {
			pool := newTestPool(b, 1023)
			var ports []*Port
			for i := range (queues + 15) / 16 {
				ports = append(ports, attachTest(b, fmt.Sprintf("net_ring%d", i), PortOptions{Pool: pool, RxQueues: min(queues, 16), TxQueues: 1}))
			}
			w := asWorker(b, pool, 256, 32)
			for _, p := range ports {
				for _, q := range p.Rx() {
					if _, err := w.set.AddRx(q, 32); err != nil {
						b.Fatal(err)
					}
				}
			}
			if n := len(w.set.rxSlots); n != queues {
				b.Fatalf("%d queues", n)
			}
			for b.Loop() {
				w.step()
			}
			if w.set.RxList().N != 0 {
				b.Error("the queues were not empty")
			}
		})
	}
}

// pcapFrames writes a classic pcap file of n frames of 60 bytes.
func pcapFrames(b *testing.B, n int) string {
	b.Helper()
	var f bytes.Buffer
	le := binary.LittleEndian
	header := le.AppendUint32(nil, 0xa1b2c3d4)
	header = le.AppendUint16(header, 2)
	header = le.AppendUint16(header, 4)
	header = append(header, make([]byte, 8)...)
	header = le.AppendUint32(header, 65535)
	header = le.AppendUint32(header, 1) // Ethernet
	f.Write(header)
	for range n {
		var record [16]byte
		le.PutUint32(record[8:], 60)
		le.PutUint32(record[12:], 60)
		f.Write(record[:])
		f.Write(testFrame(60))
	}
	path := filepath.Join(b.TempDir(), "in.pcap")
	if err := os.WriteFile(path, f.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkForward moves packets from net_pcap to net_null; an operation is a
// packet.
func BenchmarkForward(b *testing.B) {
	const burst = 64
	pool := newTestPool(b, 8191)
	from := attachTest(b, "net_pcap0,infinite_rx=1,rx_pcap="+pcapFrames(b, 256), PortOptions{Pool: pool})
	to := attachTest(b, "net_null0", PortOptions{Pool: pool})
	w := asWorker(b, pool, 256, 32)
	b.Run("go", func(b *testing.B) {
		set, err := rt.NewPollSet(w.v)
		if err != nil {
			b.Fatal(err)
		}
		defer set.Close()
		if _, err := set.AddRx(from.Rx()[0], burst); err != nil {
			b.Fatal(err)
		}
		slot, err := set.AddTx(to.Tx()[0], false)
		if err != nil {
			b.Fatal(err)
		}
		rx, tx := set.RxList(), set.TxList()
		for done := 0; done < b.N; {
			set.Send()
			w.v.Reset()
			set.Receive()
			for _, s := range rx.Segs[:rx.N] {
				tx.Add(slot, pmd.Burst{Off: s.Off, N: s.N})
				done += int(s.N)
			}
		}
		set.Flush()
	})
	b.Run("c", func(b *testing.B) {
		if n := cloop.Forward(from.ID(), to.ID(), burst, uint64(b.N)); n < uint64(b.N) {
			b.Fatalf("forwarded %d of %d", n, b.N)
		}
	})
}
