package flows

import "ipvd/pmd"

// Separate keeps in the flow the packets that fn says true of, and gives a flow
// of the others. fn must not write to the packet.
func (f *Flow) Separate(fn func(m *pmd.Mbuf) bool) (others *Flow) {
	node, at, ok := f.verb("separate", fn == nil)
	if !ok {
		return &Flow{g: f.g, origin: at}
	}
	s := &separate{fanout: newFanout(f.g, 2), fn: fn}
	f.through(node, s, &s.next[0], "yes")
	return f.branch(at, node, &s.next[1], "no")
}

type separate struct {
	fanout
	fn func(m *pmd.Mbuf) bool
}

func (s *separate) Push(b Burst) {
	for i, m := range s.vec.Packets(b) {
		s.verdicts[i] = 1
		if s.fn(m) {
			s.verdicts[i] = 0
		}
	}
	s.push(b)
}
