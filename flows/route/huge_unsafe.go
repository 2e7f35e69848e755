package route

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a transparent huge page of x86-64, in bytes.
const hugePage = 2 << 20

// newChunk makes words that the kernel is asked to put into huge pages, at whose
// borders they begin and end: a lookup in a large table touches pages at random, and
// the processor remembers where a few thousand of them are.
func newChunk() *[trieChunk]uint64 {
	room := make([]uint64, trieChunk+hugePage/8)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(room))) % hugePage / 8
	c := (*[trieChunk]uint64)(room[skip:])
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Pointer(c)), unsafe.Sizeof(*c)), unix.MADV_HUGEPAGE) // a kernel without them refuses
	return c
}
