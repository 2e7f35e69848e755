package flows

import "ipvd/pmd"

// Stop drops the flow's packets, counted as stopped.
func (f *Flow) Stop() {
	if node, _, ok := f.verb("stop", false); ok {
		f.attach(node, &stop{f.g.vec, &f.g.own[cntStopped]})
		f.open = false
	}
}

type stop struct {
	vec     *pmd.Vector
	stopped *Counter
}

func (s *stop) Push(b Burst) {
	s.stopped.Add(uint64(b.N))
	s.vec.DropBurst(b)
}
