package ipvlan

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
)

// flowSlots are slots for flow keys: the tag is 32 bits of the hash, the value is
// the number of a half.
type flowSlots struct {
	slots
	mix [11]uint64 // random; never changed
}

func newFlowSlots(keys int) *flowSlots {
	s := &flowSlots{slots: *newSlots(keys)}
	preferHuge(s.pairs)
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

// far finds the half of a key by looking at all places where it can be. Any
// goroutine.
func (t *FlowTable) far(s *flowSlots, hash uint64, k *flowKey) (number uint32, ok bool) {
	first := makeWord(uint32(hash), 0)
	for i := range bucketLen + overflowLen {
		w := atomic.LoadUint64(s.slot(hash, i))
		if v := w - first; v < maxValue && t.is(uint32(v), k) {
			return uint32(v), true
		}
		if w == empty && i < bucketLen {
			return 0, false
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

// insert publishes a half. Writer only.
func (t *FlowTable) insert(k *flowKey, number uint32) {
	for s := t.slots.Load(); ; s = t.slots.Load() {
		hash := s.hash(k)
		if s.insert(hash, makeWord(uint32(hash), number)) {
			return
		}
		t.slots.Store(t.rehash(s))
	}
}

// withdraw takes a half out of the slots. Writer only.
func (t *FlowTable) withdraw(k *flowKey) {
	s := t.slots.Load()
	hash := s.hash(k)
	i := s.slots.find(hash, func(w uint64) bool { return tagOf(w) == uint32(hash) && t.is(valueOf(w), k) })
	if i >= 0 {
		s.remove(hash, i)
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
	for w := range from.all {
		k := t.keyOf(valueOf(w))
		hash := to.hash(&k)
		if !to.insert(hash, makeWord(uint32(hash), valueOf(w))) {
			return false
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
