package ipvlan

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"ipvd/flows/large"
)

const (
	lineLen    = 16 // slots: a cache line
	flowLoad   = 4  // slots for a key
	leastLines = 16

	// A slot is a tag, and in its lower bits the number of a half, plus one; 0 is empty.
	numberBits = 20
	noNumber   = 1<<numberBits - 1 // no half has it
)

// flowLine is the slots in which a key can be, two in a word. The first that are looked
// at are those of its home word.
type flowLine [lineLen / 2]uint64

// flowSlots is a hash table of the numbers of halves, four bytes each: in a large one
// a lookup waits for memory, and the less there is of it, the more of it is near. A
// word is read and written as a whole, with sync/atomic, and no slot ever moves:
// growth makes new slots. A line that is full is a reason for new slots, with
// new random keys, so a lookup looks at one line, whatever the keys are.
type flowSlots struct {
	lines []flowLine
	shift uint       // hash >> shift is the line
	mix   [11]uint64 // random; never changed

	live int // writer only
}

// large reports slots of so many flows that their halves are not in the cache of a CPU
// core: of more than 256 KB.
func (s *flowSlots) large() bool { return len(s.lines) > 1<<11 }

// newFlowSlots makes slots with room for twice the keys before they are full.
func newFlowSlots(keys int) *flowSlots {
	n := max(leastLines, 2*flowLoad*keys/lineLen)
	order := bits.Len(uint(n - 1))
	s := &flowSlots{lines: large.Table[flowLine](1 << order), shift: uint(64 - order)}
	var b [8 * len(s.mix)]byte
	rand.Read(b[:]) // never fails: see newSlots
	for i := range s.mix {
		s.mix[i] = binary.NativeEndian.Uint64(b[8*i:])
	}
	return s
}

// hash4 is slots.hash6's family for the numbers of an IPv4 flow, whose upper bits
// no sender can make collide without knowing mix.
func (s *flowSlots) hash4(addrs, kind uint64) uint64 {
	return s.mix[0]*(addrs>>32) + s.mix[1]*uint64(uint32(addrs)) +
		s.mix[2]*(kind>>32) + s.mix[3]*uint64(uint32(kind)) + s.mix[10]
}

// hash6 is that for an IPv6 flow.
func (s *flowSlots) hash6(six *sixAddrs, kind uint64) uint64 {
	h := s.mix[2]*(kind>>32) + s.mix[3]*uint64(uint32(kind)) + s.mix[10]
	h += s.mix[0]*(six[0]>>32) + s.mix[1]*uint64(uint32(six[0]))
	h += s.mix[4]*(six[1]>>32) + s.mix[5]*uint64(uint32(six[1]))
	h += s.mix[6]*(six[2]>>32) + s.mix[7]*uint64(uint32(six[2]))
	return h + s.mix[8]*(six[3]>>32) + s.mix[9]*uint64(uint32(six[3]))
}

func (s *flowSlots) hash(k *flowKey) uint64 {
	if k.kind&version6 != 0 {
		return s.hash6(&k.six, k.kind)
	}
	return s.hash4(k.addrs, k.kind)
}

// tagFor is the tag of a hash, at its place in a slot, and homeFor its home word.
func tagFor(hash uint64) uint32 { return uint32(hash) &^ noNumber }
func homeFor(hash uint64) int   { return int(hash >> 8 % (lineLen / 2)) }

// numberIn gives the number in a slot that has this tag; not less than noNumber if it
// has another or is empty.
func numberIn(slot, tag uint32) uint32 { return (slot ^ tag) - 1 }

// among gives, of a home word, the number of the half that may be meant by a hash with
// this tag, if it is less than noNumber; if it is not, nothing is known. It has no
// branch.
func among(word uint64, tag uint32) uint32 {
	return min(numberIn(uint32(word), tag), numberIn(uint32(word>>32), tag))
}

// far finds the half of a key by looking at all slots where it can be. Any goroutine.
func (t *FlowTable) far(s *flowSlots, hash uint64, k *flowKey) (number uint32, ok bool) {
	line, tag := &s.lines[hash>>(s.shift&63)], tagFor(hash)
	for i := range line {
		w := atomic.LoadUint64(&line[i])
		for _, slot := range [2]uint32{uint32(w), uint32(w >> 32)} {
			if n := numberIn(slot, tag); n < noNumber && t.is(n, k) {
				return n, true
			}
		}
	}
	return 0, false
}

// is compares the key of a half.
func (t *FlowTable) is(number uint32, k *flowKey) bool {
	h := t.half(number)
	if h.kind != k.kind {
		return false
	}
	if k.kind&version6 != 0 {
		return t.rest(number).six == k.six
	}
	return h.addrs == k.addrs
}

// find is the number of the half with a key. Any goroutine.
func (t *FlowTable) find(k *flowKey) (number uint32, ok bool) {
	s := t.slots.Load()
	return t.far(s, s.hash(k), k)
}

// replace puts a slot in the place of one of the line of a hash, from its home word on.
// Writer only.
func (s *flowSlots) replace(hash uint64, old, slot uint32) bool {
	line := &s.lines[hash>>(s.shift&63)]
	for i := range line {
		p := &line[(homeFor(hash)+i)%len(line)]
		for shift := 0; shift < 64; shift += 32 {
			if uint32(*p>>shift) == old {
				atomic.StoreUint64(p, *p&^(0xffffffff<<shift)|uint64(slot)<<shift)
				return true
			}
		}
	}
	return false
}

// add takes a half in; false when its line is full, or the slots are. Writer only.
func (s *flowSlots) add(hash uint64, number uint32) bool {
	if flowLoad*s.live >= lineLen*len(s.lines) || !s.replace(hash, 0, tagFor(hash)^(number+1)) {
		return false
	}
	s.live++
	return true
}

// insert publishes a half. Writer only.
func (t *FlowTable) insert(k *flowKey, number uint32) {
	for s := t.slots.Load(); !s.add(s.hash(k), number); s = t.slots.Load() {
		t.slots.Store(t.rehash(s))
	}
}

// withdraw takes a half out of the slots. Writer only.
func (t *FlowTable) withdraw(k *flowKey, number uint32) {
	s := t.slots.Load()
	if hash := s.hash(k); s.replace(hash, tagFor(hash)^(number+1), 0) {
		s.live--
	}
}

// rehash makes new slots with new keys, of a size that suits what is live.
func (t *FlowTable) rehash(from *flowSlots) *flowSlots {
	for try := 0; ; try++ {
		n := newFlowSlots(from.live << (try / 4))
		if t.copySlots(n, from) {
			return n
		}
	}
}

func (t *FlowTable) copySlots(to, from *flowSlots) bool {
	for i := range from.lines {
		for _, w := range from.lines[i] {
			for _, slot := range [2]uint32{uint32(w), uint32(w >> 32)} {
				if slot == 0 {
					continue
				}
				number := slot&noNumber - 1
				k := t.keyOf(number)
				if !to.add(to.hash(&k), number) {
					return false
				}
			}
		}
	}
	return true
}

// keyOf is the key of a half.
func (t *FlowTable) keyOf(number uint32) flowKey {
	h := t.half(number)
	k := flowKey{addrs: h.addrs, kind: h.kind}
	if k.kind&version6 != 0 {
		k.six = t.rest(number).six
	}
	return k
}
