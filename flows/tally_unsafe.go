package flows

import (
	"math"
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

// queue gives each verdict of order, in its sum, the place in the vector from at on
// where its packets will lie, and queues them, or notes them as a group if they are the
// caller's; it gives the number of groups. Every list has room. It is Sort's loop, with
// all that it needs in registers: a burst of 32 goes to a dozen slaves.
func (g *Grouper) queue(order []Verdict, at, longest uint32) (groups int) {
	sums, lanes := unsafe.Pointer(unsafe.SliceData(g.sums)), unsafe.Pointer(unsafe.SliceData(g.lanes))
	lists, kept := unsafe.Pointer(unsafe.SliceData(g.lists)), unsafe.Pointer(unsafe.SliceData(g.groups))
	for _, k := range order {
		of := (*uint64)(unsafe.Add(sums, uintptr(k)*unsafe.Sizeof(uint64(0))))
		sum, first := *of, at
		*of = uint64(first)
		at += uint32(sum >> 32)
		l := *(*lane)(unsafe.Add(lanes, uintptr(k)*unsafe.Sizeof(lane(0))))
		if l == noLane {
			*(*Group)(unsafe.Add(kept, uintptr(groups)*unsafe.Sizeof(Group{}))) = Group{k, Burst{Off: first, N: uint32(sum >> 32)}, uint32(sum)}
			groups++
			continue
		}
		list := *(**pmd.SegList)(unsafe.Add(lists, uintptr(l/laneSlots)*unsafe.Sizeof(uintptr(0))))
		if longest > list.MaxFrame {
			sum &^= math.MaxUint32 // it will be measured
		}
		seg := (*[2]uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(list.Segs)), uintptr(list.N)*unsafe.Sizeof(pmd.Seg{})))
		seg[0], seg[1] = uint64(l%laneSlots)|uint64(first)<<32, bits.RotateLeft64(sum, 32)
		list.N++
	}
	return groups
}
