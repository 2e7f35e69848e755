package ipvlan

import (
	"sync/atomic"
	"unsafe"
)

// match finds the halves of what was read. The loops that wait for memory, the second
// and the last, do little else: a processor waits for as many words at a time as
// there are in the few hundred instructions that it has in hand.
func (t *FlowTable) match(glances []glance) {
	slots := t.slots.Load()
	for i := range glances {
		g := &glances[i]
		g.hash = slots.hash4(g.addrs, g.kind)
	}
	slots.words(glances)
	for i := range glances {
		g := &glances[i]
		g.half = nil
		if n := among(g.word, tagFor(g.hash)); g.kind != 0 && n < noNumber {
			g.half = t.half(n)
		}
	}
	for i := range glances {
		g := &glances[i]
		if h := g.half; h != nil && (h.addrs != g.addrs || h.kind != g.kind) {
			g.half = nil
		}
	}
}

// words reads the home words of the hashes, without a check of indexes that cannot be
// wrong: what is left of a hash shifted by s.shift is below the number of lines.
func (s *flowSlots) words(glances []glance) {
	lines, shift := unsafe.Pointer(unsafe.SliceData(s.lines)), s.shift&63
	for i := range glances {
		g := &glances[i]
		at := uintptr(g.hash>>shift)*unsafe.Sizeof(flowLine{}) + uintptr(homeFor(g.hash))*unsafe.Sizeof(s.lines[0][0])
		g.word = atomic.LoadUint64((*uint64)(unsafe.Add(lines, at)))
	}
}
