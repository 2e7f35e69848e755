package flows

import "ipvd/pmd"

// Copy gives a flow with a further reference to each packet; the flow itself
// goes on. No data is copied before somebody writes to a packet: see Handle.
// References are counted as copied; when the vector is full, those that could
// not be stored are dropped as vector_full.
func (f *Flow) Copy() *Flow {
	node, at, ok := f.verb("copy", false)
	if !ok {
		return &Flow{g: f.g, origin: at}
	}
	s := &copier{vec: f.g.vec, copied: &f.g.own[cntCopied], full: &f.g.own[cntVectorFull]}
	f.through(node, s, &s.next, "")
	return f.branch(at, node, &s.twin, "copy")
}

type copier struct {
	vec    *pmd.Vector
	copied *Counter
	full   *Counter
	next   Stage
	twin   Stage
}

func (s *copier) Push(b Burst) {
	s.copied.Add(uint64(b.N))
	// A list of its own: the stages behind next may replace packets in b.
	twin, ok := s.vec.Grow(int(b.N))
	if !ok {
		s.full.Add(uint64(b.N))
		s.next.Push(b)
		return
	}
	for i, m := range s.vec.Packets(b) {
		s.vec.Pkts[int(twin.Off)+i] = m
		m.AddRefs(1)
	}
	s.next.Push(b)
	s.twin.Push(twin)
}
