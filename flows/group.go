package flows

import (
	"math"
	"slices"

	"ipvd/pmd"
)

// Group is the packets of a burst that have the same verdict.
type Group struct {
	Verdict Verdict
	Burst   Burst
	Bytes   uint32 // their lengths as the caller of Sort gave them
}

// Grouper sorts the packets of a burst by verdict. Its cost depends on the
// packets and on the different verdicts among them, not on how many verdicts
// are possible. Worker only.
type Grouper struct {
	vec *pmd.Vector
	// sums has for each verdict its packets, in the upper half, and their bytes, then
	// where the vector has its next packet; zero outside of Sort.
	sums   []uint64
	order  []Verdict // those with packets; two more than there are verdicts
	groups []Group
	// first and last, exclusive, are the verdicts that most packets have: the last run of
	// those with an output, if there is one.
	first, last uint32

	outs  []*Output // by verdict; nil: the caller hands the group on
	lanes []lane    // the same, as they are sent to
	lists []*pmd.SegList
}

// lane is a queue slot of one of a grouper's lists, whose number is in the upper
// bits: four bytes, since many slaves have many of them.
type lane uint32

const (
	laneSlots      = 1 << 24
	noLane    lane = 1<<32 - 1
)

// NewGrouper makes a grouper for verdicts 0 to verdicts-1. A verdict that is
// out of range is grouped as verdicts, one past the last.
func NewGrouper(vec *pmd.Vector, verdicts int) *Grouper {
	g := &Grouper{vec: vec, sums: make([]uint64, verdicts+1), order: make([]Verdict, verdicts+2),
		groups: make([]Group, verdicts+1), lanes: make([]lane, verdicts+1), last: uint32(verdicts)}
	for k := range g.lanes {
		g.lanes[k] = noLane
	}
	return g
}

// Grouper makes a grouper for the verdicts that index outs. What is for an output
// is queued there; groups of the others, which are nil, the caller gets.
func (g *Graph) Grouper(outs []*Output) *Grouper {
	gr := NewGrouper(g.vec, len(outs))
	gr.outs = outs
	g.groupers = append(g.groupers, gr)
	return gr
}

// seal takes over the slots that the outputs have now.
func (g *Grouper) seal() {
	g.first, g.last = 0, 0
	for k, o := range g.outs {
		if o == nil {
			continue
		}
		if int(g.last) != k {
			g.first = uint32(k)
		}
		g.last = uint32(k + 1)
		at := slices.Index(g.lists, o.list)
		if at < 0 {
			at = len(g.lists)
			g.lists = append(g.lists, o.list)
		}
		if o.slot < laneSlots && at < int(noLane/laneSlots) {
			g.lanes[k] = lane(at*laneSlots) + lane(o.slot)
		}
	}
}

// Group sorts burst b by v, which holds a verdict a packet; those that are out of
// range are overwritten. What it gives is as Sort gives it, without bytes.
func (g *Grouper) Group(b Burst, v []Verdict) (groups []Group, ok bool) {
	v = v[:b.N]
	last := uint32(len(g.sums) - 1)
	n := 0
	for i, k := range v {
		if k > last {
			k = last
			v[i] = k
		}
		if g.sums[k] == 0 {
			g.order[n] = k
			n++
		}
		g.sums[k] += 1 << 32
	}
	return g.sort(b, v, n, math.MaxUint32)
}

// Sort sorts burst b by v, which holds a verdict a packet, all in range, and bytes, which
// has their lengths: less than 4 GB. It queues what is for an output and gives the other
// groups. No packet is longer than bytes or least says or has several segments, else least
// is the largest number. The groups come in no particular order and keep the packets'
// order; the slice is valid until the next call. total is the lengths in all. When the
// vector has no room left for the sorted packets, ok is false and the caller still owns b.
func (g *Grouper) Sort(b Burst, v []Verdict, bytes []uint32, least uint32) (groups []Group, total uint64, ok bool) {
	v, bytes = v[:b.N], bytes[:b.N]
	n, longest, total := g.tally(v, bytes)
	groups, ok = g.sort(b, v, n, max(longest, least))
	return groups, total, ok
}

// SortAll is Sort for a burst, not an empty one, all of whose packets have verdict k and
// are whole.
func (g *Grouper) SortAll(b Burst, k Verdict, bytes []uint32) (groups []Group, total uint64) {
	longest := uint32(0)
	for _, n := range bytes[:b.N] {
		longest = max(longest, n)
		total += uint64(n)
	}
	g.order[0], g.sums[k] = k, uint64(b.N)<<32+total
	if !g.room(1) {
		return g.list(g.order[:1], b, b.Off, nil), total
	}
	n := g.queue(g.order[:1], b.Off, longest)
	g.sums[k] = 0
	return g.groups[:n], total
}

// tally makes the sums and the order of verdicts v, and gives how many of these have
// packets, the longest packet's length and that of all.
func (g *Grouper) tally(v []Verdict, bytes []uint32) (n int, longest uint32, total uint64) {
	if g.last-g.first > 2*uint32(len(v)) {
		return g.tallyFew(v, bytes)
	}
	longest, total = g.tallyMany(v, bytes)
	n, left := g.collect(0, g.first, g.last, uint32(len(v)))
	if left > 0 {
		n, left = g.collect(n, 0, g.first, left)
	}
	if left > 0 {
		n, _ = g.collect(n, g.last, uint32(len(g.sums)), left)
	}
	return n, longest, total
}

// sort is the rest of Sort and Group, when the sums are made of the first n verdicts of
// order.
func (g *Grouper) sort(b Burst, v []Verdict, n int, longest uint32) (groups []Group, ok bool) {
	order, at := g.order[:n], b.Off
	if n > 1 {
		out, ok := g.vec.Grow(int(b.N))
		if !ok {
			g.forget(order)
			return nil, false
		}
		at = out.Off
	}
	if !g.room(n) {
		return g.list(order, b, at, v), true
	}
	own := g.queue(order, at, longest)
	if n > 1 {
		g.place(g.vec.Pkts, g.vec.Packets(b), v)
	}
	g.forget(order)
	return g.groups[:own], true
}

// forget makes the sums of order's verdicts zero.
func (g *Grouper) forget(order []Verdict) {
	for _, k := range order {
		g.sums[k] = 0
	}
}

// list is the rest of Sort when a list of segments has no room: the caller gets
// all groups. They lie from place at on.
func (g *Grouper) list(order []Verdict, b Burst, at uint32, v []Verdict) []Group {
	for i, k := range order {
		sum := g.sums[k]
		g.sums[k] = uint64(at)
		g.groups[i] = Group{k, Burst{Off: at, N: uint32(sum >> 32)}, uint32(sum)}
		at += uint32(sum >> 32)
	}
	if len(order) > 1 {
		g.place(g.vec.Pkts, g.vec.Packets(b), v)
	}
	g.forget(order)
	return g.groups[:len(order)]
}

// room reports that every list has room for n segments.
func (g *Grouper) room(n int) bool {
	for _, l := range g.lists {
		if l.Room() < n {
			return false
		}
	}
	return true
}
