package ipvlan

import (
	"sync/atomic"
	"unsafe"

	"ipvd/flows"
)

// What follows are loops that every packet goes through, without the checks of
// indexes that cannot be wrong: places of a burst are below sifted, a hash shifted
// by slots.shift is below the number of pairs. The checks, and the loads that they need, were a third of the
// instructions.

// home4 is what finds home pairs of slots for IPv4, in registers.
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

// look4 finds the ids of the packets from place i to end. In a large table it looks at the
// home pairs first and does nothing else, so that the processor waits for many of them
// at a time: otherwise it has few in hand.
func (s *sift) look4(t *slots, i, end int) {
	home, dst, id := t.home4(), &s.dst4, &s.id4
	if t.large() {
		for k := i; k < end; k++ {
			atomic.LoadUint64(&home.pair(*at(dst, k))[0])
		}
	}
	for ; i < end; i++ {
		a := uint64(*at(dst, i))
		p := (*pair)(unsafe.Add(home.pairs, uintptr((a*home.mul+home.add)>>(home.shift&63))*unsafe.Sizeof(pair{})))
		less := ^(a << 32) // -makeWord(a, 0)
		*at(id, i) = min(atomic.LoadUint64(&p[0])+less, atomic.LoadUint64(&p[1])+less)
	}
}

// known4 gives the packets from place i on their verdicts, up to end, or to the first
// whose address was not found at once. It gives that place.
func (s *sift) known4(byID []flows.Verdict, i, end int) int {
	ids, verdicts, found := unsafe.Pointer(unsafe.SliceData(byID)), &s.verdicts, &s.id4
	for ; i < end; i++ {
		id := *at(found, i)
		if id >= uint64(len(byID)) {
			break
		}
		*at(verdicts, i) = *(*flows.Verdict)(unsafe.Add(ids, uintptr(id)*unsafe.Sizeof(flows.Verdict(0))))
	}
	return i
}

// entries6 finds the entries that may have the addresses of the packets from place
// i to end. In a large table it looks at them as well: see look4.
func (s *sift) entries6(t *slots6, i, end int) {
	begin, pairs, shift := i, unsafe.Pointer(unsafe.SliceData(t.pairs)), t.shift&63
	k0, k1, k2, k3, k4 := t.key[0], t.key[1], t.key[2], t.key[3], t.key[4]
	for ; i < end; i++ {
		d := at(&s.dst6, i)
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

// known6 does for IPv6 what known4 does for IPv4, when the entries are known.
func (s *sift) known6(entries []entry6, byID []flows.Verdict, i, end int) int {
	first, ids := unsafe.Pointer(unsafe.SliceData(entries)), unsafe.Pointer(unsafe.SliceData(byID))
	for ; i < end; i++ {
		at6 := *at(&s.entry, i)
		if at6 >= uint32(len(entries)) {
			break
		}
		e, d := (*entry6)(unsafe.Add(first, uintptr(at6)*unsafe.Sizeof(entry6{}))), at(&s.dst6, i)
		id := e.slave.Load()
		if e.hi != d.hi || e.lo != d.lo || id >= uint32(len(byID)) {
			break
		}
		*at(&s.verdicts, i) = *(*flows.Verdict)(unsafe.Add(ids, uintptr(id)*unsafe.Sizeof(flows.Verdict(0))))
	}
	return i
}

// at is element i of an array.
func at[T any](of *[sifted]T, i int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(of), i*int(unsafe.Sizeof(of[0]))))
}
