package large

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// page is the size of a transparent huge page of x86-64, in bytes.
const page = 2 << 20

// Table makes n zeroed elements of a table that is looked up at random. A processor
// remembers where a few thousand pages of memory are; a lookup in a table of more walks the
// page tables first, in a virtual machine two of them. With pages of 2 MB it does so for
// tables of gigabytes only. The elements of a large table begin at the border of such a page,
// or just behind it, and the kernel is asked for them (madvise(2), MADV_HUGEPAGE). One
// without them refuses, and everything works as well.
func Table[T any](n int) []T {
	size := unsafe.Sizeof(*new(T))
	if uintptr(n)*size < page {
		return make([]T, n)
	}
	spare := int(page/size) + 1
	room := make([]T, n+2*spare)
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(room)))
	skip := (-begin%page + size - 1) / size
	table := room[skip:][:n:n]
	from := (begin + skip*size) / page * page
	to := (begin + (skip+uintptr(n))*size + page - 1) / page * page
	b := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(room)), from-begin)), to-from)
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	return table
}
