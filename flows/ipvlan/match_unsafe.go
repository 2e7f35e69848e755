package ipvlan

import (
	"sync/atomic"
	"unsafe"

	"ipvd/flows/large"
)

// batch is how many packets' memory is asked for at a time.
const batch = 16

// match finds the halves that what was read may belong to, and calls then for glances from
// place i to end when their halves' memory is near. In a large table a batch's slots are
// asked for, then its halves, and then it is handed on, and while it waits there is work to
// do for others.
func (t *FlowTable) match(glances []glance, then func(i, end int)) {
	slots, last := t.slots.Load(), len(glances)
	slots.locate(glances)
	if !slots.large() {
		slots.places(glances)
		then(0, last)
		return
	}
	halves := t.bases()
	part := func(n int) []glance { return glances[min(n*batch, last):min((n+1)*batch, last)] }
	slots.ask(part(0))
	for n := 0; ; n++ {
		slots.ask(part(n + 1))
		slots.places(part(n))
		halves.ask(part(n))
		if n > 0 {
			then((n-1)*batch, min(n*batch, last))
		}
		if n*batch >= last {
			return
		}
	}
}

// No index is checked here that cannot be wrong: what is left of a hash shifted by shift is
// below the number of lines, and slots have numbers of halves that are there.

// locate finds where the slots of what was read mostly are.
func (s *flowSlots) locate(glances []glance) {
	k0, k1, k2, k3, last, shift := s.mix[0], s.mix[1], s.mix[2], s.mix[3], s.mix[10], s.shift&63
	for i := range glances { // hash4, with the numbers at hand
		g := &glances[i]
		hash := k0*(g.addrs>>32) + k1*uint64(uint32(g.addrs)) + k2*(g.kind>>32) + k3*uint64(uint32(g.kind)) + last
		g.tag = tagFor(hash)
		g.word = hash>>shift*uint64(unsafe.Sizeof(flowLine{})) + uint64(homeFor(hash))*uint64(unsafe.Sizeof(s.lines[0][0]))
	}
}

// ask asks for the slots' memory.
func (s *flowSlots) ask(glances []glance) {
	if len(glances) > 0 {
		large.Prefetch(unsafe.Pointer(unsafe.SliceData(s.lines)), &glances[0].word, glances)
	}
}

// places finds the halves that what was hashed may belong to.
func (s *flowSlots) places(glances []glance) {
	lines := unsafe.Pointer(unsafe.SliceData(s.lines))
	for i := range glances {
		g := &glances[i]
		word := atomic.LoadUint64((*uint64)(unsafe.Add(lines, g.word)))
		n := min(among(word, g.tag), noNumber)
		if n == noNumber && word != 0 && g.kind != 0 {
			n = s.beside(g.word, g.tag)
		}
		g.place = placeOf(n)
	}
}

// beside looks for a tag in the line that has the word at an offset: one key in twenty is
// not in its home word.
func (s *flowSlots) beside(offset uint64, tag uint32) (number uint32) {
	line := &s.lines[offset/uint64(unsafe.Sizeof(flowLine{}))]
	for i := range line {
		if n := among(atomic.LoadUint64(&line[i]), tag); n < noNumber {
			return n
		}
	}
	return noNumber
}

// ask asks for the halves' memory.
func (b *bases) ask(glances []glance) {
	for i := range glances {
		g := &glances[i]
		g.word = uint64(uintptr(unsafe.Pointer(b.half(g.place))))
	}
	if len(glances) > 0 {
		large.Prefetch(nil, &glances[0].word, glances)
	}
}

// bases are where the halves of each chunk lie; those of chunks that are not there, where
// those of the first do.
type bases [maxChunks]unsafe.Pointer

func (t *FlowTable) bases() (b bases) {
	first := unsafe.Pointer(unsafe.SliceData(t.chunks[0].Load().halves))
	for k := range b {
		b[k] = first
		if c := t.chunks[k].Load(); c != nil {
			b[k] = unsafe.Pointer(unsafe.SliceData(c.halves))
		}
	}
	return b
}

// half is the half at a place.
func (b *bases) half(place uint32) *half {
	return (*half)(unsafe.Add(b[place/chunkLen%maxChunks], uintptr(place%chunkLen)*unsafe.Sizeof(half{})))
}
