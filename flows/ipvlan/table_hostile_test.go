package ipvlan

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// sameBucket4 finds n addresses that s puts in one bucket: what an attacker
// wants, and can have only by knowing the keys.
func sameBucket4(s *slots, n int) []uint32 {
	keys := make([]uint32, 0, n)
	for a := uint32(0); len(keys) < n; a++ {
		if s.hash4(a)>>s.shift/(bucketLen/2) == 0 {
			keys = append(keys, a)
		}
	}
	return keys
}

// steps4 is how many words the lookups of all keys read, on average.
func steps4(t *testing.T, table *Table, keys []uint32) float64 {
	s, sum := table.v4.Load(), 0
	for _, k := range keys {
		i := s.find4(s.hash4(k), k)
		if i < 0 {
			t.Fatalf("address %#x is missing", k)
		}
		sum += i + 1
	}
	return float64(sum) / float64(len(keys))
}

func TestTableCollidingAddressesCostNoMoreThanTwice(t *testing.T) {
	const n = 4000
	table, usual := filledTable4(n)
	hostile := sameBucket4(table.v4.Load(), n)
	for _, k := range hostile {
		mustSet(t, table, addr4(k), 1)
	}
	got, want := steps4(t, table, hostile), steps4(t, table, usual)
	t.Logf("words read per lookup: %.2f colliding, %.2f random", got, want)
	if got > 2*want {
		t.Errorf("%.2f words read per colliding address, %.2f per random one", got, want)
	}
}

func TestTableHoldsAgainstOneWhoKnowsTheKeys(t *testing.T) {
	table, slots, a := NewTable(), 0, uint32(0)
	for n := range 1000 {
		// Before each change the attacker reads the keys that are in force.
		for s := table.v4.Load(); s.hash4(a)>>s.shift/(bucketLen/2) != 0; a++ {
		}
		mustSet(t, table, addr4(a), uint32(n))
		if v, ok := table.Lookup4(a); !ok || v != uint32(n) {
			t.Fatalf("Lookup4(%#x) = %d, %v, want %d", a, v, ok, n)
		}
		a++
		slots = max(slots, 2*len(table.v4.Load().pairs))
	}
	if want := 4 * slotsPerKey * 1000; table.Len() != 1000 || slots > want {
		t.Errorf("%d addresses, %d slots, want 1000 in at most %d", table.Len(), slots, want)
	}
}

func TestTableProgressionsFit(t *testing.T) {
	for _, stride := range []uint32{1, 2, 256, 1 << 16, 1<<16 + 1, 0x01010101} {
		table, model := NewTable(), map[uint32]uint32{}
		for i := range uint32(20000) {
			mustSet(t, table, addr4(i*stride), i)
			model[i*stride] = i
		}
		for k, want := range model {
			if v, ok := table.Lookup4(k); !ok || v != want {
				t.Fatalf("stride %d: Lookup4(%#x) = %d, %v, want %d", stride, k, v, ok, want)
			}
		}
	}
}

// churnBase is the first IPv4 address that comes and goes.
const churnBase = 300

// A slave's number is made from its address, so that a reader sees whether it
// was given the word of another.
func churn4(a uint32) uint32      { return a ^ 0x5a5a5a5a }
func churn6(hi, lo uint64) uint32 { return uint32(hi*31+lo) >> 1 }

func TestTableReadersNeverMissWhileItChurns(t *testing.T) {
	const fixed, moving = churnBase, 5000
	table := NewTable()
	for i := range uint32(fixed) {
		mustSet(t, table, addr4(i), churn4(i))
		mustSet(t, table, addr6(uint64(i), 1), churn6(uint64(i), 1))
	}
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := uint32(0); !stop.Load(); i++ {
				checkChurn(t, table, i%fixed, i%moving)
			}
		})
	}
	for range 60_000 {
		i := rand.Uint32N(moving)
		a4, a6 := addr4(fixed+i), addr6(uint64(i), 2)
		if rand.IntN(2) == 0 {
			mustSet(t, table, a4, churn4(fixed+i))
			mustSet(t, table, a6, churn6(uint64(i), 2))
		} else {
			table.Delete(a4)
			table.Delete(a6)
		}
	}
	stop.Store(true)
	readers.Wait()
}

// checkChurn looks up an address that is always there, and one that may be.
func checkChurn(t *testing.T, table *Table, fixed, moving uint32) {
	if v, ok := table.Lookup4(fixed); !ok || v != churn4(fixed) {
		t.Errorf("Lookup4(%d) = %#x, %v, want %#x", fixed, v, ok, churn4(fixed))
	}
	if v, ok := table.Lookup6(uint64(fixed), 1); !ok || v != churn6(uint64(fixed), 1) {
		t.Errorf("Lookup6(%d, 1) = %#x, %v", fixed, v, ok)
	}
	if v, ok := table.Lookup4(300 + moving); ok && v != churn4(churnBase+moving) {
		t.Errorf("Lookup4(%d) = %#x, want %#x", churnBase+moving, v, churn4(churnBase+moving))
	}
	if v, ok := table.Lookup6(uint64(moving), 2); ok && v != churn6(uint64(moving), 2) {
		t.Errorf("Lookup6(%d, 2) = %#x, want %#x", moving, v, churn6(uint64(moving), 2))
	}
}

func BenchmarkTableHostile4(b *testing.B) {
	table, _ := filledTable4(1 << 12)
	hostile := sameBucket4(table.v4.Load(), 1<<12)
	for _, k := range hostile {
		mustSet(b, table, addr4(k), 1)
	}
	for i := 0; b.Loop(); i++ {
		if _, ok := table.Lookup4(hostile[i%len(hostile)]); !ok {
			b.Fatal("missed")
		}
	}
}
