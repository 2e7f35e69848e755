package ipvlan

import (
	"unsafe"

	"ipvd/flows"
)

// What follows are loops that every packet goes through, without the checks of
// indexes that cannot be wrong: places of a burst are below sifted, a hash shifted
// by slots.shift is below the number of pairs, and what byID holds are verdicts of
// the grouper. The checks, and the loads that they need, were a third of the
// instructions.

// home4 is what near needs of slots for IPv4, in registers.
type home4 struct {
	pairs    unsafe.Pointer
	mul, add uint64
	shift    uint
}

func (s *slots) home4() home4 {
	return home4{unsafe.Pointer(unsafe.SliceData(s.pairs)), s.key[0], s.key[4], s.shift}
}

// pair is the home pair of address a.
func (h home4) pair(a uint32) *pair {
	return (*pair)(unsafe.Add(h.pairs, uintptr((uint64(a)*h.mul+h.add)>>(h.shift&63))*unsafe.Sizeof(pair{})))
}

// near4 gives the packets from place i on their verdicts and tallies them, up to
// end, or to the first whose address is not found at once. It gives that place.
func (s *sift) near4(t *slots, byID []flows.Verdict, g *flows.Grouper, i, end int) int {
	home, ids := t.home4(), unsafe.Pointer(unsafe.SliceData(byID))
	tally, n := g.Tallier()
	for ; i < end; i++ {
		a := *at(&s.dst4, i)
		id := home.pair(a).near(a)
		if id >= uint64(len(byID)) {
			break
		}
		k := *(*flows.Verdict)(unsafe.Add(ids, uintptr(id)*unsafe.Sizeof(flows.Verdict(0))))
		*at(&s.verdicts, i) = k
		n = tally.Add(n, k, *at(&s.bytes, i))
	}
	g.Tallied(n)
	return i
}

// at is element i of an array.
func at[T ~uint32](of *[sifted]T, i int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(of), i*int(unsafe.Sizeof(T(0)))))
}
