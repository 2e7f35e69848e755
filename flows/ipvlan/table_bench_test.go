package ipvlan

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/cespare/xxhash/v2"
)

var benchSizes = []int{1 << 10, 1 << 16, 1 << 20}

// benchKeys is how many lookups go round: more than a branch predictor learns.
const benchKeys = 1 << 16

func BenchmarkTableLookup4(b *testing.B) {
	for _, n := range benchSizes {
		table, keys := filledTable4(n)
		probe := make([]uint32, benchKeys)
		for i := range probe {
			probe[i] = keys[rand.IntN(n)]
		}
		b.Run(fmt.Sprintf("hit/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := table.Lookup4(probe[i%benchKeys]); !ok {
					b.Fatal("missed")
				}
			}
		})
		b.Run(fmt.Sprintf("miss/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := table.Lookup4(^probe[i%benchKeys]); ok {
					b.Fatal("found what was never set")
				}
			}
		})
	}
}

func BenchmarkTableLookup6(b *testing.B) {
	for _, n := range benchSizes {
		table := NewTable()
		for i := range n {
			mustSet(b, table, addr6(0xfd00<<48, uint64(i)*0x9e3779b97f4a7c15), uint32(i))
		}
		probe := make([]uint64, benchKeys)
		for i := range probe {
			probe[i] = uint64(rand.IntN(n)) * 0x9e3779b97f4a7c15
		}
		b.Run(fmt.Sprintf("hit/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := table.Lookup6(0xfd00<<48, probe[i%benchKeys]); !ok {
					b.Fatal("missed")
				}
			}
		})
	}
}

func BenchmarkTableHash6(b *testing.B) {
	s := newSlots(0)
	var sum uint64
	b.Run("multilinear", func(b *testing.B) {
		for i := uint64(0); b.Loop(); i++ {
			sum += s.hash6(i, i)
		}
	})
	b.Run("xxhash", func(b *testing.B) {
		var buf [24]byte
		for i := uint64(0); b.Loop(); i++ {
			binary.NativeEndian.PutUint64(buf[8:], i)
			binary.NativeEndian.PutUint64(buf[16:], i)
			sum += xxhash.Sum64(buf[:])
		}
	})
}

func BenchmarkTableSet4(b *testing.B) {
	table, keys := filledTable4(1 << 16)
	for i := 0; b.Loop(); i++ {
		a := addr4(^keys[i%len(keys)])
		mustSet(b, table, a, 1)
		table.Delete(a)
	}
}

// filledTable4 has n keys, random ones below 2^31, so that ^key is not in it.
func filledTable4(n int) (*Table, []uint32) {
	t, keys := NewTable(), make([]uint32, 0, n)
	for len(keys) < n {
		k := rand.Uint32() >> 1
		if _, ok := t.Lookup4(k); ok {
			continue
		}
		if err := t.Set(addr4(k), uint32(len(keys))); err != nil {
			panic(err)
		}
		keys = append(keys, k)
	}
	return t, keys
}

func mustSet(tb testing.TB, t *Table, a netip.Addr, slave uint32) {
	tb.Helper()
	if err := t.Set(a, slave); err != nil {
		tb.Fatal(err)
	}
}

func addr4(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

func addr6(hi, lo uint64) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	return netip.AddrFrom16(b)
}
