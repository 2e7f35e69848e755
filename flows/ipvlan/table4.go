package ipvlan

import "sync/atomic"

// Lookup4 finds the slave of IPv4 address a, a big-endian number: 10.0.0.1 is
// 0x0a000001. Any goroutine.
func (t *Table) Lookup4(a uint32) (slave uint32, ok bool) {
	s := t.v4.Load()
	h := s.hash4(a)
	if v := s.near(h, a); v < maxValue {
		return uint32(v), true
	}
	return s.far4(h, a)
}

// newSlots4 makes slots for IPv4.
func newSlots4(keys int) *slots {
	s := newSlots(keys)
	s.nets = &nets{}
	return s
}

// lacks reports that address a, whose home pair p is, is not in, if one look
// tells: what has an empty slot in its home pair is there or nowhere. Any goroutine.
func (p *pair) lacks(a uint32) bool {
	first, second := atomic.LoadUint64(&p[0]), atomic.LoadUint64(&p[1])
	return tagOf(first) != a && tagOf(second) != a && (first == empty || second == empty)
}

// far4 looks at every place that a key with hash h may have.
func (s *slots) far4(h uint64, a uint32) (slave uint32, ok bool) {
	first := makeWord(a, 0)
	for i := range bucketLen + overflowLen {
		w := atomic.LoadUint64(s.slot(h, i))
		if v := w - first; v < maxValue {
			return uint32(v), true
		}
		if w == empty && i < bucketLen {
			return 0, false
		}
	}
	return 0, false
}

// hash4 is multiply-shift, strongly universal in its upper 32 bits: whoever
// does not know the keys makes two addresses collide no more often than chance
// does (Dietzfelbinger 1996; Thorup, High Speed Hashing for Integers and
// Strings, section 3).
func (s *slots) hash4(a uint32) uint64 { return uint64(a)*s.key[0] + s.key[4] }

func (s *slots) find4(h uint64, a uint32) int {
	return s.find(h, func(w uint64) bool { return tagOf(w) == a })
}

func (s *slots) set4(a, slave uint32) bool {
	h, w := s.hash4(a), makeWord(a, slave)
	if i := s.find4(h, a); i >= 0 {
		atomic.StoreUint64(s.slot(h, i), w)
		return true
	}
	return s.insert4(h, w)
}

func (s *slots) insert4(h, word uint64) bool {
	s.nets.add(tagOf(word))
	return s.insert(h, word)
}

func (s *slots) delete4(a uint32) bool {
	h := s.hash4(a)
	i := s.find4(h, a)
	if i >= 0 {
		s.remove(h, i)
	}
	return i >= 0
}

// rehash4 makes new slots with new keys, of a size that suits what is live.
func (s *slots) rehash4() *slots {
	for try := 0; ; try++ {
		n := newSlots4(s.live << (try / 4))
		if n.copy4(s) {
			return n
		}
	}
}

func (s *slots) copy4(from *slots) bool {
	for w := range from.all {
		if !s.insert4(s.hash4(tagOf(w)), w) {
			return false
		}
	}
	return true
}
