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
	groups []Group  // one more than there are verdicts
}

// NewGrouper makes a grouper for verdicts 0 to verdicts-1. A verdict that is
// out of range is grouped as verdicts, one past the last.
func NewGrouper(vec *pmd.Vector, verdicts int) *Grouper {
	return &Grouper{vec: vec, count: make([]uint32, verdicts+1), groups: make([]Group, verdicts+2)}
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
	groups = g.groups[:g.tally(v)]
	if len(groups) == 1 {
		g.count[groups[0].Verdict] = 0
		groups[0].Burst = b
		return groups, true
	}
	out, ok := g.vec.Grow(n)
	if !ok {
		g.forget(groups)
		return nil, false
	}
	g.move(g.vec.Packets(out), g.vec.Packets(b), out.Off, groups, v)
	g.forget(groups)
	return groups, true
}

// tally counts the packets of each verdict and gives the number of different
// ones. It brings verdicts that are out of range to one past the last. A new
// verdict is noted for every packet and kept by advancing, which needs no branch
// that the processor could guess wrong.
func (g *Grouper) tally(v []Verdict) (n int) {
	count, groups := g.count, g.groups
	last := uint32(len(count) - 1)
	for i, k := range v {
		k = min(k, last)
		v[i] = k
		groups[n].Verdict = k
		c := count[k]
		count[k] = c + 1
		if c == 0 {
			n++
		}
	}
	return n
}

// move gives each group its range of out, which begins at place at of the
// vector, and stores src there by verdict.
func (g *Grouper) move(out, src []*pmd.Mbuf, at uint32, groups []Group, v []Verdict) {
	count, from := g.count, uint32(0)
	for i := range groups {
		k := groups[i].Verdict
		n := count[k]
		groups[i].Burst = Burst{Off: at + from, N: n}
		count[k] = from
		from += n
	}
	v = v[:len(src)]
	for i, m := range src {
		k := v[i]
		to := count[k]
		count[k] = to + 1
		out[to] = m
	}
}

// forget sets the counts to zero.
func (g *Grouper) forget(groups []Group) {
	for i := range groups {
		g.count[groups[i].Verdict] = 0
	}
}
