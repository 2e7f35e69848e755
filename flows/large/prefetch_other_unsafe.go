//go:build !amd64

package large

import "unsafe"

// prefetch does nothing: a hint that is not given changes no result.
func prefetch(base unsafe.Pointer, offset *uint64, stride, n uintptr) {}
