package flows

import "ipvd/pmd"

// Handle calls fn for each packet of the flow, which fn may write: a packet that
// others refer to is copied before. When no mbuf is left for the copy, the
// packet is dropped as no_mbuf.
func (f *Flow) Handle(fn func(m *pmd.Mbuf)) *Flow {
	if node, _, ok := f.verb("handle", fn == nil); ok {
		s := &handle{writer: newWriter(f.g), fn: fn}
		f.through(node, s, &s.next, "")
	}
	return f
}

// HandleBurst is Handle with a call for each burst. fn may write to the packets
// but not replace them.
func (f *Flow) HandleBurst(fn func(ms []*pmd.Mbuf)) *Flow {
	if node, _, ok := f.verb("handle", fn == nil); ok {
		s := &handleBurst{writer: newWriter(f.g), fn: fn}
		f.through(node, s, &s.next, "")
	}
	return f
}

type handle struct {
	writer
	fn   func(m *pmd.Mbuf)
	next Stage
}

func (s *handle) Push(b Burst) {
	if b = s.writable(b); b.N == 0 {
		return
	}
	for _, m := range s.vec.Packets(b) {
		s.fn(m)
	}
	s.next.Push(b)
}

type handleBurst struct {
	writer
	fn   func(ms []*pmd.Mbuf)
	next Stage
}

func (s *handleBurst) Push(b Burst) {
	if b = s.writable(b); b.N == 0 {
		return
	}
	s.fn(s.vec.Packets(b))
	s.next.Push(b)
}

// writer makes bursts writable.
type writer struct {
	vec    *pmd.Vector
	noMbuf *Counter
}

func newWriter(g *Graph) writer { return writer{g.vec, &g.own[cntNoMbuf]} }

// writable replaces what may not be written by copies, in place, and drops what
// cannot be copied.
func (w *writer) writable(b Burst) Burst {
	ms := w.vec.Packets(b)
	kept := 0
	for _, m := range ms {
		if m.Shared() {
			c := w.vec.Writable(m)
			if c == nil {
				w.vec.Drop(m)
				w.noMbuf.Add(1)
				continue
			}
			m = c
		}
		ms[kept] = m
		kept++
	}
	b.N = uint32(kept)
	return b
}
