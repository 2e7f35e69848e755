package large

import "unsafe"

// Prefetch asks for cache lines behind base, by an offset in each element of in: first is
// that of in[0], and the others' lie at the same place. Nothing waits for the lines, so
// whoever has other work until he reads them does not either; a load would keep the
// processor from all but the few hundred instructions behind it. A core waits for a dozen or
// two at a time, and there is no use in asking for more. No offset can be wrong, since
// nothing is read.
func Prefetch[T any](base unsafe.Pointer, first *uint64, in []T) {
	prefetch(base, first, unsafe.Sizeof(*new(T)), uintptr(len(in)))
}
