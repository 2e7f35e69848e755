package flows

import "ipvd/pmd"

// fanout hands a burst on by verdict: the part of a stage that comes after its
// decision.
type fanout struct {
	vec      *pmd.Vector
	group    *Grouper
	verdicts []Verdict // shared by the graph's stages: valid until the next push
	next     []Stage
	bad      *Counter
	full     *Counter
}

func newFanout(g *Graph, outputs int) fanout {
	if g.scratch == nil {
		g.scratch = make([]Verdict, len(g.vec.Pkts))
	}
	return fanout{vec: g.vec, group: NewGrouper(g.vec, outputs), verdicts: g.scratch,
		next: make([]Stage, outputs), bad: &g.own[cntBadVerdict], full: &g.own[cntVectorFull]}
}

// push hands on b by the first b.N verdicts. A verdict that is no output is
// dropped as bad_verdict.
func (f *fanout) push(b Burst) {
	groups, ok := f.group.Group(b, f.verdicts[:b.N])
	if !ok {
		f.full.Add(uint64(b.N))
		f.vec.DropBurst(b)
		return
	}
	for _, g := range groups {
		if int(g.Verdict) >= len(f.next) {
			f.bad.Add(uint64(g.Burst.N))
			f.vec.DropBurst(g.Burst)
			continue
		}
		f.next[g.Verdict].Push(g.Burst)
	}
}
