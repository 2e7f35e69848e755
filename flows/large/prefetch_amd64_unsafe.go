//go:build amd64

package large

import "unsafe"

// prefetch asks for n lines: see Prefetch.
//
//go:noescape
func prefetch(base unsafe.Pointer, offset *uint64, stride, n uintptr)
