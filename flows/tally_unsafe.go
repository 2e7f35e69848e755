package flows

import (
	"math"
	"math/bits"
	"unsafe"

	"ipvd/pmd"
)

// What follows are loops over packets and verdicts, without the checks of indexes that
// cannot be wrong: verdicts are in range.

// sumOf is the sum of verdict k.
func sumOf(sums unsafe.Pointer, k Verdict) *uint64 {
	return (*uint64)(unsafe.Add(sums, uintptr(k)*unsafe.Sizeof(uint64(0))))
}

// tallyMany makes the sums of many packets, and gives the longest one's length and that
// of all. collect finds the verdicts then.
func (g *Grouper) tallyMany(v []Verdict, bytes []uint32) (longest uint32, total uint64) {
	sums := unsafe.Pointer(unsafe.SliceData(g.sums))
	bytes = bytes[:len(v)]
	for i, k := range v {
		n := bytes[i]
		longest = max(longest, n)
		total += uint64(n)
		*sumOf(sums, k) += 1<<32 + uint64(n)
	}
	return longest, total
}

// collect adds those of the verdicts from first to last, exclusive, that have packets to
// the n of order, in which left packets are missing. It gives both numbers then.
func (g *Grouper) collect(n int, first, last, left uint32) (int, uint32) {
	sums, order := unsafe.Pointer(unsafe.SliceData(g.sums)), unsafe.Pointer(unsafe.SliceData(g.order))
	for k := first; k < last && left > 0; k++ {
		*(*Verdict)(unsafe.Add(order, n*int(unsafe.Sizeof(k)))) = k
		sum := *sumOf(sums, k)
		left -= uint32(sum >> 32)
		_, none := bits.Sub64(sum, 1, 0)
		n += 1 - int(none)
	}
	return n, left
}

// tallyFew is tallyMany for few packets among many verdicts, which it notes as they come.
// A verdict is noted for every packet and kept by advancing, which needs no branch that
// the processor could guess wrong.
func (g *Grouper) tallyFew(v []Verdict, bytes []uint32) (n int, longest uint32, total uint64) {
	sums, order := unsafe.Pointer(unsafe.SliceData(g.sums)), unsafe.Pointer(unsafe.SliceData(g.order))
	bytes = bytes[:len(v)]
	for i, k := range v {
		*(*Verdict)(unsafe.Add(order, n*int(unsafe.Sizeof(k)))) = k
		at := sumOf(sums, k)
		sum := *at
		longest = max(longest, bytes[i])
		total += uint64(bytes[i])
		*at = sum + 1<<32 + uint64(bytes[i])
		_, first := bits.Sub64(sum, 1, 0)
		n += int(first)
	}
	return n, longest, total
}

// place stores packets at the places that the sums of their verdicts v give, which
// are within pkts, and advances them.
func (g *Grouper) place(pkts, src []*pmd.Mbuf, v []Verdict) {
	to, sums := unsafe.Pointer(unsafe.SliceData(pkts)), unsafe.Pointer(unsafe.SliceData(g.sums))
	v = v[:len(src)]
	for i, m := range src {
		at := sumOf(sums, v[i])
		*(**pmd.Mbuf)(unsafe.Add(to, uintptr(*at)*unsafe.Sizeof(m))) = m
		*at++
	}
}

// queue gives each verdict of order, in its sum, the place in the vector from at on
// where its packets will lie, and queues them, or notes them as a group if they are the
// caller's; it gives the number of groups. Every list has room. It is Sort's loop, with
// all that it needs in registers: a burst of 32 goes to a dozen slaves.
func (g *Grouper) queue(order []Verdict, at, longest uint32) (groups int) {
	if len(g.lists) != 1 {
		return g.queueAny(order, at, longest)
	}
	list := g.lists[0]
	sums, lanes := unsafe.Pointer(unsafe.SliceData(g.sums)), unsafe.Pointer(unsafe.SliceData(g.lanes))
	segs, mask := unsafe.Add(unsafe.Pointer(unsafe.SliceData(list.Segs)), uintptr(list.N)*unsafe.Sizeof(pmd.Seg{})), told(longest, list)
	for _, k := range order {
		of, slot := sumOf(sums, k), *(*lane)(unsafe.Add(lanes, uintptr(k)*unsafe.Sizeof(lane(0))))
		sum := *of
		*of = uint64(at)
		if slot == noLane {
			g.groups[groups] = Group{k, Burst{Off: at, N: uint32(sum >> 32)}, uint32(sum)}
			groups++
		} else {
			putSeg(segs, slot, at, sum&mask)
			segs = unsafe.Add(segs, unsafe.Sizeof(pmd.Seg{}))
		}
		at += uint32(sum >> 32)
	}
	g.lists[0].N += len(order) - groups
	return groups
}

// queueAny is queue for several lists, or none.
func (g *Grouper) queueAny(order []Verdict, at, longest uint32) (groups int) {
	for _, k := range order {
		sum := g.sums[k]
		g.sums[k] = uint64(at)
		if l := g.lanes[k]; l == noLane {
			g.groups[groups] = Group{k, Burst{Off: at, N: uint32(sum >> 32)}, uint32(sum)}
			groups++
		} else {
			list := g.lists[l/laneSlots]
			putSeg(unsafe.Pointer(&list.Segs[list.N]), l%laneSlots, at, sum&told(longest, list))
			list.N++
		}
		at += uint32(sum >> 32)
	}
	return groups
}

// told masks the part of a sum that a list is told: if a packet may be too long for it, not
// the bytes, and it will be measured.
func told(longest uint32, list *pmd.SegList) uint64 {
	if longest > list.MaxFrame {
		return math.MaxUint32 << 32
	}
	return math.MaxUint64
}

// putSeg writes a segment for a slot, of the packets from at on that are summed up in sum.
func putSeg(to unsafe.Pointer, slot lane, at uint32, sum uint64) {
	seg := (*[2]uint64)(to)
	seg[0], seg[1] = uint64(slot)|uint64(at)<<32, bits.RotateLeft64(sum, 32)
}
