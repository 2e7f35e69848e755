package flows

import "ipvd/pmd"

// Group is the packets of a burst that have the same verdict.
type Group struct {
	Verdict Verdict
	Burst   Burst
}

// Grouper sorts the packets of a burst by verdict. Its cost depends on the
// packets and on the different verdicts among them, not on how many verdicts
// are possible. Worker only.
type Grouper struct {
	vec    *pmd.Vector
	count  []uint32 // per verdict, zero between two calls
	groups []Group
	n      int
}

// NewGrouper makes a grouper for verdicts 0 to verdicts-1. A verdict that is
// out of range is grouped as verdicts, one past the last.
func NewGrouper(vec *pmd.Vector, verdicts int) *Grouper {
	return &Grouper{vec: vec, count: make([]uint32, verdicts+1), groups: make([]Group, verdicts+1)}
}

// Group sorts burst b by v, which holds a verdict a packet and is overwritten.
// The groups come in order of first appearance and keep the packets' order; the
// slice is valid until the next call. When the vector has no room left for the
// sorted packets, ok is false and the caller still owns b.
func (g *Grouper) Group(b Burst, v []Verdict) (groups []Group, ok bool) {
	n := int(b.N)
	if n == 0 {
		return nil, true
	}
	v = v[:n]
	if g.clamp(v) {
		g.groups[0] = Group{v[0], b}
		return g.groups[:1], true
	}
	out, ok := g.vec.Grow(n)
	if !ok {
		return nil, false
	}
	g.sort(g.vec.Packets(b), out.Off, v)
	return g.groups[:g.n], true
}

// clamp brings verdicts that are out of range to one past the last, and reports
// whether all of v, which is not empty, are the same.
func (g *Grouper) clamp(v []Verdict) (same bool) {
	last := uint32(len(g.count) - 1)
	same = true
	for i := range v {
		if v[i] > last {
			v[i] = last
		}
		same = same && v[i] == v[0]
	}
	return same
}

// sort stores src by verdict in the vector from place at on: it counts, gives
// each verdict its range, and moves.
func (g *Grouper) sort(src []*pmd.Mbuf, at uint32, v []Verdict) {
	g.n = 0
	for _, k := range v {
		if g.count[k] == 0 {
			g.groups[g.n].Verdict = k
			g.n++
		}
		g.count[k]++
	}
	for i := range g.groups[:g.n] {
		k := g.groups[i].Verdict
		g.groups[i].Burst = Burst{Off: at, N: g.count[k]}
		at, g.count[k] = at+g.count[k], at
	}
	for i, k := range v {
		g.vec.Pkts[g.count[k]] = src[i]
		g.count[k]++
	}
	for i := range g.groups[:g.n] {
		g.count[g.groups[i].Verdict] = 0
	}
}
