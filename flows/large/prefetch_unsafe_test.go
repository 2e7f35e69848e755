package large

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestPrefetchReadsOffsetsOnly: it may be told of any place, and changes nothing.
func TestPrefetchReadsOffsetsOnly(t *testing.T) {
	type element struct{ before, offset, after uint64 }
	r := rand.New(rand.NewPCG(1, 2))
	table := Table[uint64](1000)
	for n := range 40 {
		in := make([]element, n+1)
		for i := range in {
			in[i] = element{1, r.Uint64() >> r.IntN(64), 2}
		}
		was := append([]element(nil), in...)
		Prefetch(unsafe.Pointer(&table[0]), &in[0].offset, in[:n])
		for i := range in {
			if in[i] != was[i] {
				t.Fatalf("element %d became %v", i, in[i])
			}
		}
	}
	for i, w := range table {
		if w != 0 {
			t.Fatalf("word %d is %d", i, w)
		}
	}
}

// BenchmarkPrefetch reads words of a table of 64 MB, 16 at a time, which were asked for
// before as many others were read, or were not.
func BenchmarkPrefetch(b *testing.B) {
	const batch = 16
	table := Table[uint64](8 << 20)
	for i := range table {
		table[i] = uint64(i)
	}
	offsets := make([]uint64, 1<<16)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range offsets {
		offsets[i] = r.Uint64N(uint64(len(table))) * 8
	}
	for _, ahead := range []bool{false, true} {
		name := "read"
		if ahead {
			name = "ask and read"
		}
		b.Run(name, func(b *testing.B) {
			sum, base := uint64(0), unsafe.Pointer(&table[0])
			for i := range b.N {
				at := i * batch % (len(offsets) - 2*batch)
				if ahead {
					Prefetch(base, &offsets[at+batch], offsets[at+batch:][:batch])
				}
				for _, off := range offsets[at:][:batch] {
					w := *(*uint64)(unsafe.Add(base, off))
					for range 20 { // what there is to do with it
						w = w*0x9e3779b97f4a7c15 + sum
					}
					sum += w
				}
			}
			if sum == 1 {
				b.Log(sum)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/word")
		})
	}
}
