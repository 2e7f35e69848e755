package flows

import (
	"math/bits"
	"unsafe"

	"ipvd/pmd"
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

// place stores packets at the places that the sums of their verdicts v give, which
// are within pkts, and advances them.
func (t Tallier) place(pkts, src []*pmd.Mbuf, v []Verdict) {
	to := unsafe.Pointer(unsafe.SliceData(pkts))
	v = v[:len(src)]
	for i, m := range src {
		at := (*uint64)(unsafe.Add(t.sums, uintptr(v[i])*unsafe.Sizeof(uint64(0))))
		*(**pmd.Mbuf)(unsafe.Add(to, uintptr(*at)*unsafe.Sizeof(m))) = m
		*at++
	}
}
