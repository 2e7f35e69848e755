package ipvlan

import (
	"sync/atomic"
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

// touch4 looks at the home pairs of the packets from place i to end in a large table
// and does nothing else, so that the processor waits for many of them at a time: near4,
// which does much for each, has few in hand.
func (s *sift) touch4(t *slots, i, end int) {
	if !t.large() {
		return
	}
	home := t.home4()
	for ; i < end; i++ {
		atomic.LoadUint64(&home.pair(*at(&s.dst4, i))[0])
	}
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

// entries6 finds the entries that may have the addresses of the packets from place
// i to end. In a large table it looks at them as well: see touch4.
func (s *sift) entries6(t *slots6, i, end int) {
	begin, pairs, shift := i, unsafe.Pointer(unsafe.SliceData(t.pairs)), t.shift&63
	k0, k1, k2, k3, k4 := t.key[0], t.key[1], t.key[2], t.key[3], t.key[4]
	for ; i < end; i++ {
		d := (*words6)(unsafe.Add(unsafe.Pointer(&s.dst6), i*int(unsafe.Sizeof(words6{}))))
		hash := k0*(d.hi>>32) + k1*uint64(uint32(d.hi)) + k2*(d.lo>>32) + k3*uint64(uint32(d.lo)) + k4
		p := (*pair)(unsafe.Add(pairs, uintptr(hash>>(shift&63))*unsafe.Sizeof(pair{})))
		*at(&s.entry, i) = uint32(min(p.near(uint32(hash)), maxValue))
	}
	if !t.large() {
		return
	}
	first, last := unsafe.Pointer(unsafe.SliceData(t.entries)), uint32(len(t.entries)-1)
	for i = begin; i < end; i++ {
		(*entry6)(unsafe.Add(first, uintptr(min(*at(&s.entry, i), last))*unsafe.Sizeof(entry6{}))).slave.Load()
	}
}

// near6 does for IPv6 what near4 does for IPv4, when the entries are known.
func (s *sift) near6(entries []entry6, byID []flows.Verdict, g *flows.Grouper, i, end int) int {
	first, ids := unsafe.Pointer(unsafe.SliceData(entries)), unsafe.Pointer(unsafe.SliceData(byID))
	tally, n := g.Tallier()
	for ; i < end; i++ {
		at6 := *at(&s.entry, i)
		if at6 >= uint32(len(entries)) {
			break
		}
		e := (*entry6)(unsafe.Add(first, uintptr(at6)*unsafe.Sizeof(entry6{})))
		d := (*words6)(unsafe.Add(unsafe.Pointer(&s.dst6), i*int(unsafe.Sizeof(words6{}))))
		id := e.slave.Load()
		if e.hi != d.hi || e.lo != d.lo || id >= uint32(len(byID)) {
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
