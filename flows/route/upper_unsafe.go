package route

import (
	"sync/atomic"
	"unsafe"

	"ipvd/flows/large"
)

// batch is how many words are asked for at a time.
const batch = 16

// upper reads the words of the first two levels for the packets from place i to end, and
// gives their hops and the number of those that have a third: see choose. One without a node
// in the second reads node 0, which has no hops. In a large trie a batch's words of the
// second level are asked for while another's are read. No index is checked that cannot be
// wrong: places are below BurstLen, and the words were made by set.
func (t *trie4) upper(b *Burst4, answers *[BurstLen]uint32, i, end int) (deep int) {
	root := unsafe.Pointer(unsafe.SliceData(t.root))
	dst, above := unsafe.Pointer(&b.Dst), unsafe.Pointer(&b.above)
	for at := uintptr(i); at < uintptr(end); at++ {
		a := *(*uint32)(unsafe.Add(dst, at*4))
		*(*uint64)(unsafe.Add(above, at*8)) = atomic.LoadUint64((*uint64)(unsafe.Add(root, uintptr(a>>16)*8)))
	}
	if !t.large() {
		t.second(b, i, end)
		return b.choose(answers, 0, i, end)
	}
	t.ask(b, i, min(i+batch, end))
	for ; i < end; i += batch {
		to := min(i+batch, end)
		t.ask(b, to, min(to+batch, end))
		t.second(b, i, to)
		noted := deep
		deep = b.choose(answers, deep, i, to)
		t.askThird(b, noted, deep)
	}
	return deep
}

// askThird asks for the words of the third level of packets that choose has noted.
func (t *trie4) askThird(b *Burst4, from, to int) {
	var words [batch]uint64
	for k := from; k < to; k++ {
		at := b.deep[uint8(k)]
		words[k-from] = uint64(uintptr(t.place(b.words[at]>>32, b.Dst[at]>>4&0xf)))
	}
	large.Prefetch(nil, &words[0], words[:to-from])
}

// large reports that the nodes below the root are not in the cache of a CPU core: they take
// more than 8 MB.
func (t *trie4) large() bool { return t.chunks[1].Load() != nil }

// ask asks for the words of the second level.
func (t *trie4) ask(b *Burst4, i, end int) {
	if i >= end {
		return
	}
	for at := i; at < end; at++ {
		b.words[uint8(at)] = uint64(uintptr(t.word(b.above[uint8(at)]>>32, b.Dst[uint8(at)])))
	}
	large.Prefetch(nil, &b.words[i], b.words[i:end])
}

// second reads the words of the second level, and does nothing else: a processor waits for
// as many words at a time as there are in the few hundred instructions that it has in hand.
func (t *trie4) second(b *Burst4, i, end int) {
	dst, above, words := unsafe.Pointer(&b.Dst), unsafe.Pointer(&b.above), unsafe.Pointer(&b.words)
	for at := uintptr(i); at < uintptr(end); at++ {
		w := t.word(*(*uint64)(unsafe.Add(above, at*8))>>32, *(*uint32)(unsafe.Add(dst, at*4)))
		*(*uint64)(unsafe.Add(words, at*8)) = atomic.LoadUint64((*uint64)(w))
	}
}

// word is where a node of the second level has the word for address a.
func (t *trie4) word(node uint64, a uint32) unsafe.Pointer { return t.place(node, a>>8&0xff) }

// place is where word i of a node lies.
func (t *trie4) place(node uint64, i uint32) unsafe.Pointer {
	chunk := atomic.LoadPointer((*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(&t.chunks), uintptr(node/unitsChunk)*8)))
	return unsafe.Add(chunk, (uintptr(node%unitsChunk*unit)+uintptr(i))*8)
}
