package flows

import (
	"math/bits"
	"slices"

	"ipvd/pmd"
)

// Group is the packets of a burst that have the same verdict.
type Group struct {
	Verdict Verdict
	Burst   Burst
	Bytes   uint32 // their lengths as the caller of Tally gave them
}

// Grouper sorts the packets of a burst by verdict. Its cost depends on the
// packets and on the different verdicts among them, not on how many verdicts
// are possible. Worker only.
type Grouper struct {
	vec *pmd.Vector
	// sums has for each verdict its packets so far, in the upper half, and their
	// bytes, then where the vector has its next packet; zero between two calls of
	// Sort.
	sums   []uint64
	order  []Verdict // those with packets, as they came up; two more than there are verdicts
	n      int       // of order
	groups []Group

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
		groups: make([]Group, verdicts+1), lanes: make([]lane, verdicts+1)}
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
	for k, o := range g.outs {
		if o == nil {
			continue
		}
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

// Tally notes that a packet of the next burst to be sorted has verdict k, which
// must be in range, and so many bytes: less than 4 GB in a burst. A new verdict
// is noted for every packet and kept by advancing, which needs no branch that the
// processor could guess wrong.
func (g *Grouper) Tally(k Verdict, bytes uint32) {
	g.order[g.n] = k
	sum := g.sums[k]
	g.sums[k] = sum + 1<<32 + uint64(bytes)
	_, first := bits.Sub64(sum, 1, 0)
	g.n += int(first)
}

// TallyAll is Tally for n packets of verdict k, at least one, with so many bytes in all.
func (g *Grouper) TallyAll(k Verdict, n, bytes uint32) {
	g.order[g.n] = k
	if g.sums[k] == 0 {
		g.n++
	}
	g.sums[k] += uint64(n)<<32 + uint64(bytes)
}

// Forget undoes what was tallied since the last call of Sort: a stage begins with
// it, since one that panicked may have left its burst half tallied.
func (g *Grouper) Forget() {
	for _, k := range g.order[:g.n] {
		g.sums[k] = 0
	}
	g.n = 0
}

// Group sorts burst b by v, which holds a verdict a packet; those that are out of
// range are overwritten. What it gives is as Sort gives it, without bytes.
func (g *Grouper) Group(b Burst, v []Verdict) (groups []Group, ok bool) {
	g.Forget()
	v = v[:b.N]
	last := uint32(len(g.sums) - 1)
	for i, k := range v {
		if k > last {
			k = last
			v[i] = k
		}
		g.Tally(k, 0)
	}
	return g.Sort(b, v, 0)
}

// Sort sorts burst b by v, which holds the verdict that each packet was tallied
// with, queues what is for an output and gives the other groups. No packet is
// longer than longest or has several segments, else longest is the largest number.
// The groups come in the order in which their verdicts were first tallied and keep
// the packets' order; the slice is valid until the next call. When the vector has
// no room left for the sorted packets, ok is false and the caller still owns b.
func (g *Grouper) Sort(b Burst, v []Verdict, longest uint32) (groups []Group, ok bool) {
	order, at := g.order[:g.n], b.Off
	if len(order) > 1 {
		out, ok := g.vec.Grow(int(b.N))
		if !ok {
			g.Forget()
			return nil, false
		}
		at = out.Off
	}
	if !g.room(len(order)) {
		return g.list(order, b, at, v), true
	}
	n := g.queue(order, at, longest)
	g.move(order, b, v)
	return g.groups[:n], true
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
	g.move(order, b, v)
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

// move stores the packets of b at the places of their verdicts, unless there is
// only one, and leaves the sums as Tally wants them.
func (g *Grouper) move(order []Verdict, b Burst, v []Verdict) {
	if len(order) > 1 {
		t, _ := g.Tallier()
		t.place(g.vec.Pkts, g.vec.Packets(b), v)
	}
	g.Forget()
}
