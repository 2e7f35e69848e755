package ipvlan

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// tableLookup is what a worker does with the address of a header.
func tableLookup(t *Table, a netip.Addr) (uint32, bool) {
	if a.Is4() {
		return t.Lookup4(key4(a))
	}
	return t.Lookup6(key6(a))
}

func TestTableAgreesWithAMap(t *testing.T) {
	table, model := NewTable(), map[netip.Addr]uint32{}
	for step := range 200_000 {
		// Few addresses, so that most are set, deleted and set again.
		a := addr4(rand.Uint32N(3000))
		if step%2 == 1 {
			a = addr6(rand.Uint64N(30), rand.Uint64N(100))
		}
		if rand.IntN(5) < 3 {
			v := rand.Uint32() >> 1
			mustSet(t, table, a, v)
			model[a] = v
		} else {
			_, had := model[a]
			if got := table.Delete(a); got != had {
				t.Fatalf("step %d: Delete(%v) = %v, want %v", step, a, got, had)
			}
			delete(model, a)
		}
		v, ok := tableLookup(table, a)
		if want, had := model[a]; v != want || ok != had {
			t.Fatalf("step %d: lookup of %v = %d, %v, want %d, %v", step, a, v, ok, want, had)
		}
	}
	tableEquals(t, table, model)
}

// tableEquals checks every address of the model, and that there is no other.
func tableEquals(tb testing.TB, table *Table, model map[netip.Addr]uint32) {
	tb.Helper()
	for a, want := range model {
		if got, ok := tableLookup(table, a); !ok || got != want {
			tb.Errorf("lookup of %v = %d, %v, want %d", a, got, ok, want)
		}
	}
	n := 0
	for a, got := range table.Range {
		if want, ok := model[a]; !ok || got != want {
			tb.Errorf("range yields %v with %d, want %d, %v", a, got, want, ok)
		}
		n++
	}
	if n != len(model) || table.Len() != len(model) {
		tb.Errorf("range yields %d addresses, Len is %d, want %d", n, table.Len(), len(model))
	}
}

func TestTableTakesTheExtremes(t *testing.T) {
	table, model := NewTable(), map[netip.Addr]uint32{}
	for i, s := range []string{"0.0.0.0", "0.0.0.1", "255.255.255.255", "::", "::1", "::ffff:0.0.0.1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"} {
		a := netip.MustParseAddr(s)
		model[a] = uint32(i)
		if i%2 == 1 {
			model[a] = math.MaxUint32 - 1
		}
		mustSet(t, table, a, model[a])
	}
	tableEquals(t, table, model)
	for a := range model {
		if !table.Delete(a) {
			t.Errorf("Delete(%v) = false", a)
		}
		delete(model, a)
		tableEquals(t, table, model)
	}
}

func TestTableRefusesWhatNoPacketBears(t *testing.T) {
	table := NewTable()
	for _, a := range []netip.Addr{{}, netip.MustParseAddr("fe80::1%eth0")} {
		if err := table.Set(a, 1); !errors.Is(err, ErrAddr) {
			t.Errorf("Set(%v) = %v, want %v", a, err, ErrAddr)
		}
		if table.Delete(a) {
			t.Errorf("Delete(%v) = true", a)
		}
	}
	if err := table.Set(addr4(1), math.MaxUint32); err == nil {
		t.Error("Set took a slave that a word cannot hold")
	}
}

func TestTableGrowsToAMillionAndShrinks(t *testing.T) {
	const n = 1 << 20
	table := NewTable()
	for i := range uint32(n) {
		mustSet(t, table, addr4(i<<8), i)
	}
	for i := range uint32(n) {
		if v, ok := table.Lookup4(i << 8); !ok || v != i {
			t.Fatalf("Lookup4(%#x) = %d, %v, want %d", i<<8, v, ok, i)
		}
	}
	big := 2 * len(table.v4.Load().pairs)
	if want := 2 * slotsPerKey * n; big > want {
		t.Errorf("%d slots for %d addresses, want at most %d", big, n, want)
	}
	for i := range uint32(n) {
		table.Delete(addr4(i << 8))
	}
	for i := range uint32(n) { // churn, which fills the slots with tombstones
		mustSet(t, table, addr4(i), i)
		table.Delete(addr4(i))
	}
	if table.Len() != 0 {
		t.Errorf("Len = %d after all is deleted", table.Len())
	}
}

func TestTableShrinksWhenChurnFillsIt(t *testing.T) {
	table := NewTable()
	for i := range uint64(1 << 14) {
		mustSet(t, table, addr6(0, i), 1)
	}
	big := len(table.v6.Load().pairs)
	for i := range uint64(1 << 14) {
		table.Delete(addr6(0, i))
	}
	for i := range uint64(1 << 17) {
		mustSet(t, table, addr6(1, i), 1)
		table.Delete(addr6(1, i))
	}
	if small := len(table.v6.Load().pairs); small >= big {
		t.Errorf("%d pairs after churn, %d when it was full", small, big)
	}
}

func TestTableLookupAllocatesNothing(t *testing.T) {
	table := NewTable()
	mustSet(t, table, addr4(7), 1)
	mustSet(t, table, addr6(7, 7), 2)
	var sum uint32
	got := testing.AllocsPerRun(100, func() {
		a, _ := table.Lookup4(7)
		b, _ := table.Lookup6(7, 7)
		sum += a + b
	})
	if got != 0 || sum != 3*101 {
		t.Errorf("%v allocations a run, sum of slaves %d, want 0 and %d", got, sum, 3*101)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("\x01a\x02a\x03b\x00a\x01c\x02c"))
	f.Add([]byte("\x02\x00\x06\x00\x0a\x00\x00\x00\x01\x00"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		table, model := NewTable(), map[netip.Addr]uint32{}
		for ; len(ops) >= 2; ops = ops[2:] {
			op, k := ops[0], ops[1]
			a := addr4(uint32(k) << (op >> 4))
			if op&1 == 1 {
				a = addr6(uint64(k)<<(op>>2), uint64(k))
			}
			if op&2 == 0 {
				mustSet(t, table, a, uint32(op))
				model[a] = uint32(op)
			} else {
				table.Delete(a)
				delete(model, a)
			}
		}
		tableEquals(t, table, model)
	})
}
