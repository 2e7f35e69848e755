package ipvlan

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a transparent huge page of x86-64, in bytes.
const hugePage = 2 << 20

// preferHuge asks the kernel to back a table that is looked up at random with huge
// pages: with others, most lookups in a large one walk the page tables first. It is
// for fresh memory; without huge pages everything works as well.
func preferHuge[T any](table []T) {
	if len(table) == 0 {
		return
	}
	size := uintptr(len(table)) * unsafe.Sizeof(table[0])
	start := uintptr(unsafe.Pointer(&table[0]))
	from := (start + hugePage - 1) &^ (hugePage - 1)
	to := (start + size) &^ (hugePage - 1)
	if from >= to {
		return
	}
	b := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&table[0]), from-start)), to-from)
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
}
