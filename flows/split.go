package flows

import (
	"fmt"

	"ipvd/pmd"
)

// Split closes the flow and gives n flows; fn says which one a packet goes to,
// from 0 to n-1. A packet with another verdict is dropped as bad_verdict. The
// cost does not depend on n. fn must not write to the packet.
func (f *Flow) Split(n int, fn func(m *pmd.Mbuf) int) []*Flow {
	node, at, ok := f.verb("split", fn == nil)
	if !ok {
		return f.closedFlows(at, n)
	}
	s := &split{fanout: newFanout(f.g, max(n, 0)), fn: fn}
	return f.splitInto(node, at, s, s.next)
}

// SplitBurst is Split with a call for each burst: fn sets v[i] to the verdict on
// ms[i], for each of ms.
func (f *Flow) SplitBurst(n int, fn func(ms []*pmd.Mbuf, v []Verdict)) []*Flow {
	node, at, ok := f.verb("split", fn == nil)
	if !ok {
		return f.closedFlows(at, n)
	}
	s := &splitBurst{fanout: newFanout(f.g, max(n, 0)), fn: fn}
	return f.splitInto(node, at, s, s.next)
}

func (f *Flow) splitInto(node, at string, stage Stage, next []Stage) []*Flow {
	f.attach(node, stage)
	f.open = false
	flows := make([]*Flow, len(next))
	for i := range flows {
		flows[i] = f.branch(at, node, &next[i], fmt.Sprint(i))
	}
	return flows
}

// closedFlows lets a build that has failed go on.
func (f *Flow) closedFlows(at string, n int) []*Flow {
	flows := make([]*Flow, max(n, 0))
	for i := range flows {
		flows[i] = &Flow{g: f.g, origin: at}
	}
	return flows
}

type split struct {
	fanout
	fn func(m *pmd.Mbuf) int
}

func (s *split) Push(b Burst) {
	// A verdict under 0 is a large one, too.
	bad := uint(len(s.next))
	for i, m := range s.vec.Packets(b) {
		s.verdicts[i] = Verdict(min(uint(s.fn(m)), bad))
	}
	s.push(b)
}

type splitBurst struct {
	fanout
	fn func(ms []*pmd.Mbuf, v []Verdict)
}

func (s *splitBurst) Push(b Burst) {
	s.fn(s.vec.Packets(b), s.verdicts[:b.N])
	s.push(b)
}
