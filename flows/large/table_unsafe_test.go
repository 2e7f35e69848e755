package large

import (
	"testing"
	"unsafe"
)

// TestTablesAreWhole: all of a table can be written and is the caller's alone, whatever the
// elements' size, and one of pages begins at most an element behind a border.
func TestTablesAreWhole(t *testing.T) {
	check[uint64](t)
	check[[16]byte](t)
	check[[3]uint64](t)
	check[[64]byte](t)
}

func check[T any](t *testing.T) {
	t.Helper()
	size := int(unsafe.Sizeof(*new(T)))
	for _, n := range []int{0, 1, 1000, page/size - 1, page / size, page/size + 1, 5*page/size + 7} {
		table, beside := Table[T](n), Table[T](n)
		if len(table) != n || cap(table) != n && n*size >= page {
			t.Fatalf("%d elements of %d bytes: got %d, room for %d", n, size, len(table), cap(table))
		}
		b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(table))), n*size)
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("%d elements of %d bytes: byte %d is not zero", n, size, i)
			}
			b[i] = 1
		}
		for i, x := range unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(beside))), n*size) {
			if x != 0 {
				t.Fatalf("%d elements of %d bytes: byte %d of another table was written", n, size, i)
			}
		}
		if behind := int(uintptr(unsafe.Pointer(unsafe.SliceData(table))) % page); n*size >= page && behind >= size {
			t.Errorf("%d elements of %d bytes begin %d bytes behind a border", n, size, behind)
		}
	}
}
