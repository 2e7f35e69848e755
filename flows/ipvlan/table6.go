package ipvlan

import (
	"sync/atomic"

	"ipvd/flows/large"
)

// slots6 are slots for keys of 16 bytes: the tag is 32 bits of the hash, the
// value is the index of an entry.
type slots6 struct {
	slots
	entries []entry6 // as many as slots may be used
	next    int      // writer only: the first entry never used
}

// entry6 is an address with its slave. The address is written before the
// entry's word is published and never again; a deleted entry is not reused, so
// a reader that comes late still compares an address that was never torn. The
// garbage collector takes the entries when no reader has their slots any more.
type entry6 struct {
	hi, lo uint64
	slave  atomic.Uint32
}

func newSlots6(keys int) *slots6 {
	s := &slots6{slots: *newSlots(keys)}
	s.entries = large.Table[entry6](s.limit())
	return s
}

// Lookup6 finds the slave of an IPv6 address, two big-endian numbers. Any
// goroutine.
func (t *Table) Lookup6(hi, lo uint64) (slave uint32, ok bool) { return t.v6.Load().lookup(hi, lo) }

func (s *slots6) lookup(hi, lo uint64) (slave uint32, ok bool) {
	h := s.hash6(hi, lo)
	first := makeWord(uint32(h), 0)
	for i := range bucketLen + overflowLen {
		w := atomic.LoadUint64(s.slot(h, i))
		if v := w - first; v < maxValue {
			if e := &s.entries[v]; e.hi == hi && e.lo == lo {
				return e.slave.Load(), true
			}
		}
		if w == empty && i < bucketLen {
			return 0, false
		}
	}
	return 0, false
}

// hash6 is hash4's family for four numbers of 32 bits. It costs less than half
// of xxhash with a random prefix and, unlike it, comes with a proof for its
// upper bits, which choose the home slot. The lower bits, the tag, need none: a
// tag met by chance costs one comparison with an entry.
func (s *slots) hash6(hi, lo uint64) uint64 {
	return s.key[0]*(hi>>32) + s.key[1]*uint64(uint32(hi)) +
		s.key[2]*(lo>>32) + s.key[3]*uint64(uint32(lo)) + s.key[4]
}

func (s *slots6) find6(h, hi, lo uint64) int {
	return s.find(h, func(w uint64) bool {
		e := &s.entries[valueOf(w)]
		return e.hi == hi && e.lo == lo
	})
}

func (s *slots6) set6(hi, lo uint64, slave uint32) bool {
	h := s.hash6(hi, lo)
	if i := s.find6(h, hi, lo); i >= 0 {
		s.entries[valueOf(*s.slot(h, i))].slave.Store(slave)
		return true
	}
	return s.insert6(h, hi, lo, slave)
}

func (s *slots6) insert6(h, hi, lo uint64, slave uint32) bool {
	if s.next == len(s.entries) {
		return false
	}
	e := &s.entries[s.next]
	e.hi, e.lo = hi, lo
	e.slave.Store(slave)
	if !s.insert(h, makeWord(uint32(h), uint32(s.next))) {
		return false
	}
	s.next++
	return true
}

func (s *slots6) delete6(hi, lo uint64) bool {
	h := s.hash6(hi, lo)
	i := s.find6(h, hi, lo)
	if i >= 0 {
		s.remove(h, i)
	}
	return i >= 0
}

// rehash6 makes new slots with new keys, of a size that suits what is live.
func (s *slots6) rehash6() *slots6 {
	for try := 0; ; try++ {
		n := newSlots6(s.live << (try / 4))
		if n.copy6(s) {
			return n
		}
	}
}

func (s *slots6) copy6(from *slots6) bool {
	for w := range from.all {
		e := &from.entries[valueOf(w)]
		if !s.insert6(s.hash6(e.hi, e.lo), e.hi, e.lo, e.slave.Load()) {
			return false
		}
	}
	return true
}
