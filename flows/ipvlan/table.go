package ipvlan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
)

// ErrAddr is what Table.Set wraps for an address that no packet can bear.
var ErrAddr = errors.New("not an address of a packet")

// Table says which slave has an address. One goroutine at a time, the control
// plane's, calls Set, Delete, Len and Range; any number of workers call the
// Lookup methods meanwhile, without waiting and without a grace period.
//
// A lookup looks at two cache lines and, when a bucket is full, at one more, no
// matter what the addresses are: what does not fit there makes the writer build
// a new table with new random keys. An address that is in the table throughout
// a lookup is found by it, during such a change as well.
type Table struct {
	v4 atomic.Pointer[slots]
	v6 atomic.Pointer[slots6]
}

// NewTable makes an empty table.
func NewTable() *Table {
	t := &Table{}
	t.v4.Store(newSlots4(0))
	t.v6.Store(newSlots6(0))
	return t
}

// Set gives address a to a slave, in place of the slave that had it. The slave
// is any number but the largest. An IPv4-mapped address is an IPv6 address.
func (t *Table) Set(a netip.Addr, slave uint32) error {
	if !a.IsValid() || a.Zone() != "" {
		return fmt.Errorf("address table: set %v: %w", a, ErrAddr)
	}
	if slave == math.MaxUint32 {
		return fmt.Errorf("address table: set %v: slave %d is out of range", a, slave)
	}
	if a.Is4() {
		k := key4(a)
		for s := t.v4.Load(); !s.set4(k, slave); s = t.v4.Load() {
			t.v4.Store(s.rehash4())
		}
		return nil
	}
	hi, lo := key6(a)
	for s := t.v6.Load(); !s.set6(hi, lo, slave); s = t.v6.Load() {
		t.v6.Store(s.rehash6())
	}
	return nil
}

// Delete takes address a out and says whether it was in.
func (t *Table) Delete(a netip.Addr) bool {
	if a.Is4() {
		return t.v4.Load().delete4(key4(a))
	}
	if !a.Is6() || a.Zone() != "" {
		return false
	}
	hi, lo := key6(a)
	return t.v6.Load().delete6(hi, lo)
}

// Lookup finds the slave of an address. Any goroutine.
func (t *Table) Lookup(a netip.Addr) (slave uint32, ok bool) {
	switch {
	case a.Is4():
		return t.Lookup4(key4(a))
	case a.Is6() && a.Zone() == "":
		return t.Lookup6(key6(a))
	}
	return 0, false
}

// Len is the number of addresses.
func (t *Table) Len() int { return t.v4.Load().live + t.v6.Load().live }

// Range yields every address with its slave, in no particular order, until
// yield returns false. Yield must not change the table.
func (t *Table) Range(yield func(a netip.Addr, slave uint32) bool) {
	for w := range t.v4.Load().all {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], tagOf(w))
		if !yield(netip.AddrFrom4(b), valueOf(w)) {
			return
		}
	}
	s := t.v6.Load()
	for w := range s.all {
		e := &s.entries[valueOf(w)]
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], e.hi)
		binary.BigEndian.PutUint64(b[8:], e.lo)
		if !yield(netip.AddrFrom16(b), e.slave.Load()) {
			return
		}
	}
}

func key4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func key6(a netip.Addr) (hi, lo uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}
