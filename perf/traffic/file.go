package traffic

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
)

// Addrs4 are n addresses from 10.0.0.1 on, at most 16 million.
func Addrs4(n int) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		k := i + 1
		addrs[i] = netip.AddrFrom4([4]byte{10, byte(k >> 16), byte(k >> 8), byte(k)})
	}
	return addrs
}

// Addrs6 are n addresses from fd00::1 on.
func Addrs6(n int) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		b := [16]byte{0: 0xfd}
		binary.BigEndian.PutUint64(b[8:], uint64(i+1))
		addrs[i] = netip.AddrFrom16(b)
	}
	return addrs
}

// Order gives packets numbers below n in random order, the same at each call.
// Each number comes equally often when there are at least n packets; else it is
// a sample.
func Order(packets, n int) []int {
	rnd := rand.New(rand.NewPCG(uint64(packets), uint64(n)))
	order := make([]int, packets)
	for i := range order {
		order[i] = i % n
		if packets < n {
			order[i] = rnd.IntN(n)
		}
	}
	rnd.Shuffle(packets, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// WriteFile writes frames as a capture file of the classic pcap format.
func WriteFile(path string, frames [][]byte) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	w := bufio.NewWriter(f)
	le := binary.LittleEndian
	header := le.AppendUint32(nil, 0xa1b2c3d4)
	header = le.AppendUint16(header, 2)
	header = le.AppendUint16(header, 4)
	header = append(header, make([]byte, 8)...)
	header = le.AppendUint32(header, 65535) // longest frame
	header = le.AppendUint32(header, 1)     // Ethernet
	w.Write(header)
	for _, frame := range frames {
		var record [16]byte
		le.PutUint32(record[8:], uint32(len(frame)))
		le.PutUint32(record[12:], uint32(len(frame)))
		w.Write(record[:])
		w.Write(frame)
	}
	// Flush gives the first error of all writes.
	if err := w.Flush(); err != nil {
		f.Close()
		return fmt.Errorf("write capture %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	return nil
}
