package ipvlan

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"ipvd/flows/large"
)

const (
	bucketLen   = 16 // words: two cache lines
	overflowLen = 8  // words: one cache line
	slotsPerKey = 4  // a quarter full at most: a bucket is full for one in a million
	minSlots    = 4 * bucketLen

	empty     uint64 = 0
	tombstone uint64 = 1 << 32   // was used; a reader goes on past it
	maxValue  uint64 = 1<<32 - 1 // values are below it
)

// pair is two slots in one cache line. bucketLen/2 of them are a bucket, where a
// key's word is: from the key's home pair on, around the bucket, up to the first
// empty slot.
type pair [2]uint64

// slots is a hash table of 64-bit words, each a tag of 32 bits with a value.
// A word is read and written as a whole, with sync/atomic, so no reader sees a
// tag with the value of another. Words never move: growth makes new slots.
type slots struct {
	pairs []pair
	shift uint      // hash >> shift is the home pair
	key   [5]uint64 // random; never changed

	// overflow has the words whose bucket is full. A reader comes here only
	// from a bucket without an empty slot, and no bucket gets one back.
	overflow [overflowLen]uint64

	nets *nets // of the addresses that are, or were, in; nil over IPv6

	used int // writer only: words in buckets that are not empty
	live int // writer only: words with a value
	past int // writer only: places that lookups of all these go past
}

// newSlots makes slots with room for twice the keys before they are full.
func newSlots(keys int) *slots {
	n := max(minSlots, 2*slotsPerKey*keys)
	order := bits.Len(uint(n - 1))
	s := &slots{pairs: large.Table[pair](1 << order / 2), shift: uint(64 - order + 1)}
	var b [8 * len(s.key)]byte
	rand.Read(b[:]) // never fails: it ends the program when the kernel has no entropy
	for i := range s.key {
		s.key[i] = binary.NativeEndian.Uint64(b[8*i:])
	}
	return s
}

// limit is how many slots may be in use.
func (s *slots) limit() int { return 2 * len(s.pairs) / slotsPerKey }

// large reports slots that are not in the cache of a CPU core: of more than 256 KB.
func (s *slots) large() bool { return len(s.pairs) > 1<<14 }

// crowded reports that lookups go past half a place on average, three times as many
// as when a hash spreads the keys: some sets of keys and these random numbers do not
// suit each other, one in thirty of those that lay in one bucket before. A few keys
// may lie as they will.
func (s *slots) crowded() bool {
	const few = 64
	return s.past > s.live/2+few
}

func makeWord(tag, value uint32) uint64 { return uint64(tag)<<32 + 1 + uint64(value) }
func tagOf(word uint64) uint32          { return uint32(word >> 32) }
func valueOf(word uint64) uint32        { return uint32(word - 1) }
func hasValue(word uint64) bool         { return uint32(word) != 0 }

// slot is the i-th place for a key with hash h, of bucketLen + overflowLen.
func (s *slots) slot(h uint64, i int) *uint64 {
	if i >= bucketLen {
		return &s.overflow[i-bucketLen]
	}
	home := 2 * (h >> s.shift)
	at := home&^(bucketLen-1) + (home+uint64(i))%bucketLen
	return &s.pairs[at/2][at%2]
}

// near looks at the home pair of a key with this hash and tag, where nearly all
// keys are: what it gives is the key's value if it is below maxValue; if it is
// not, nothing is known of the key. It has no branch, since which of the two slots
// has a key is nothing that the processor could guess. Any goroutine.
func (s *slots) near(hash uint64, tag uint32) uint64 {
	return s.pairs[hash>>(s.shift&63)].near(tag)
}

// near is slots.near for the home pair.
func (p *pair) near(tag uint32) uint64 {
	first := makeWord(tag, 0)
	v, w := atomic.LoadUint64(&p[0])-first, atomic.LoadUint64(&p[1])-first
	_, less := bits.Sub64(v, w, 0)
	return w ^ (v^w)&-less // the smaller one
}

// find is the place of the word that is the wanted one, or -1. Writer only.
func (s *slots) find(h uint64, wanted func(word uint64) bool) int {
	for i := range bucketLen + overflowLen {
		w := *s.slot(h, i)
		if hasValue(w) && wanted(w) {
			return i
		}
		if w == empty && i < bucketLen {
			return -1
		}
	}
	return -1
}

// insert adds a word that is not in yet. It fails when the slots are full or
// crowded, or these keys are too many in one bucket: time for new slots. Writer only.
func (s *slots) insert(h uint64, word uint64) bool {
	if s.used >= s.limit() || s.crowded() {
		return false
	}
	for i := range bucketLen + overflowLen {
		p := s.slot(h, i)
		if hasValue(*p) {
			continue
		}
		if *p == empty && i < bucketLen {
			s.used++
		}
		s.live++
		s.past += i
		atomic.StoreUint64(p, word)
		return true
	}
	return false
}

// remove frees place i of hash h. Writer only.
func (s *slots) remove(h uint64, i int) {
	s.live--
	s.past -= i
	if i >= bucketLen {
		atomic.StoreUint64(s.slot(h, i), empty)
		return
	}
	atomic.StoreUint64(s.slot(h, i), tombstone)
	// No reader goes past an empty slot, so tombstones before one are of no use.
	for *s.slot(h, (i+1)%bucketLen) == empty && *s.slot(h, i) == tombstone {
		atomic.StoreUint64(s.slot(h, i), empty)
		s.used--
		i = (i + bucketLen - 1) % bucketLen
	}
}

// all yields every word with a value. Writer only.
func (s *slots) all(yield func(word uint64) bool) {
	for i := range s.pairs {
		for _, w := range s.pairs[i] {
			if hasValue(w) && !yield(w) {
				return
			}
		}
	}
	for _, w := range s.overflow {
		if hasValue(w) && !yield(w) {
			return
		}
	}
}
