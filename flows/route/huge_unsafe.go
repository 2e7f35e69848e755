package route

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// newChunk makes words that the kernel is asked to put into huge pages: a lookup
// in a large table touches pages at random, and the processor remembers where a
// few thousand of them are.
func newChunk() *[trieChunk]uint64 {
	c := new([trieChunk]uint64)
	const page = 4096
	start := uintptr(unsafe.Pointer(c))
	skip := (page - start%page) % page
	b := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(c), skip)), (unsafe.Sizeof(*c)-skip)&^(page-1))
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // a kernel without them refuses
	return c
}
