package route

import (
	"sync/atomic"
	"unsafe"
)

// upper reads the words of the first two levels for the packets from place i to end;
// one without a node in the second reads node 0, which has no hops. The loops do
// nothing else, and check no index: a processor waits for as many words at a time as
// there are in the few hundred instructions that it has in hand, and the second loop
// is where it waits. Places are below BurstLen, and the words were made by set.
func (t *trie4) upper(b *Burst4, i, end int) {
	root, chunks := unsafe.Pointer(unsafe.SliceData(t.root)), unsafe.Pointer(&t.chunks)
	dst, above, words := unsafe.Pointer(&b.Dst), unsafe.Pointer(&b.above), unsafe.Pointer(&b.words)
	for at := uintptr(i); at < uintptr(end); at++ {
		a := *(*uint32)(unsafe.Add(dst, at*4))
		*(*uint64)(unsafe.Add(above, at*8)) = atomic.LoadUint64((*uint64)(unsafe.Add(root, uintptr(a>>16)*8)))
	}
	for at := uintptr(i); at < uintptr(end); at++ {
		node := *(*uint64)(unsafe.Add(above, at*8)) >> 32
		word := uintptr(node%unitsChunk*unit) + uintptr(*(*uint32)(unsafe.Add(dst, at*4))>>8&0xff)
		chunk := atomic.LoadPointer((*unsafe.Pointer)(unsafe.Add(chunks, uintptr(node/unitsChunk)*8)))
		*(*uint64)(unsafe.Add(words, at*8)) = atomic.LoadUint64((*uint64)(unsafe.Add(chunk, word*8)))
	}
}
