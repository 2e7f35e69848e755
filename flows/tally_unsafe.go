package flows

import (
	"math/bits"
	"unsafe"
)

// Tallier is what Tally writes, for a loop that has checked its verdicts: two
// words, which stay in registers. It is of use until the grouper sorts.
type Tallier struct{ sums, order unsafe.Pointer }

// Tallier gives the tallier and how many verdicts have packets already; Tallied
// takes that number back.
func (g *Grouper) Tallier() (t Tallier, n int) {
	return Tallier{unsafe.Pointer(unsafe.SliceData(g.sums)), unsafe.Pointer(unsafe.SliceData(g.order))}, g.n
}

// Tallied ends what Tallier began: n verdicts have packets.
func (g *Grouper) Tallied(n int) { g.n = n }

// Add is Tally for verdict k, which must be in range, when n verdicts have
// packets; it gives how many have them then.
func (t Tallier) Add(n int, k Verdict, bytes uint32) int {
	*(*Verdict)(unsafe.Add(t.order, n*int(unsafe.Sizeof(k)))) = k
	at := (*uint64)(unsafe.Add(t.sums, uintptr(k)*unsafe.Sizeof(uint64(0))))
	sum := *at
	*at = sum + 1<<32 + uint64(bytes)
	_, first := bits.Sub64(sum, 1, 0)
	return n + int(first)
}
