package flows

import "ipvd/pmd"

// Generate gives packets that fn makes, up to a burst in each step and on every
// worker. fn gets an empty packet (Mbuf.SetLen, Mbuf.Data) and says whether it
// has made one; after false it is not asked again in this step. Packets come
// from the worker's stock, which the next step tops up.
func (g *Graph) Generate(fn func(m *pmd.Mbuf) bool) *Flow {
	node, f := g.newFlow("generate", fn == nil)
	s := &generate{generator: newGenerator(g), fn: fn}
	g.sources = append(g.sources, s)
	f.ends = []end{{next: &s.next, node: node}}
	return f
}

// GenerateBurst is Generate with a call for each step: fn makes packets of the
// first of ms and says of how many.
func (g *Graph) GenerateBurst(fn func(ms []*pmd.Mbuf) int) *Flow {
	node, f := g.newFlow("generate", fn == nil)
	s := &generateBurst{generator: newGenerator(g), fn: fn}
	g.sources = append(g.sources, s)
	f.ends = []end{{next: &s.next, node: node}}
	return f
}

type generate struct {
	generator
	fn func(m *pmd.Mbuf) bool
}

func (s *generate) run() {
	b := s.take()
	made := 0
	for _, m := range s.vec.Packets(b) {
		if !s.fn(m) {
			break
		}
		made++
	}
	s.emit(b, made)
}

type generateBurst struct {
	generator
	fn func(ms []*pmd.Mbuf) int
}

func (s *generateBurst) run() {
	b := s.take()
	if b.N > 0 {
		s.emit(b, min(max(0, s.fn(s.vec.Packets(b))), int(b.N)))
	}
}

// generator takes packets from the stock and gives back those not used.
type generator struct {
	vec       *pmd.Vector
	burst     int
	generated *Counter
	next      Stage
}

func newGenerator(g *Graph) generator {
	return generator{vec: g.vec, burst: g.burst, generated: &g.own[cntGenerated]}
}

// take gives fresh packets. They are counted here, so that the account holds
// when the function that fills them panics.
func (s *generator) take() Burst {
	n := min(s.burst, s.vec.NStock, s.vec.Left())
	b, _ := s.vec.Grow(n)
	for i := range s.vec.Packets(b) {
		s.vec.Pkts[int(b.Off)+i] = s.vec.Alloc()
	}
	s.generated.Add(uint64(n))
	return b
}

// emit passes on the first made packets of b, the last one of the vector, and
// puts the others back into the stock.
func (s *generator) emit(b Burst, made int) {
	rest := s.vec.Packets(b)[made:]
	for _, m := range rest {
		m.Reset()
		s.vec.Stock[s.vec.NStock] = m
		s.vec.NStock++
	}
	s.vec.N -= len(rest)
	s.generated.Add(-uint64(len(rest)))
	if made > 0 {
		s.next.Push(Burst{Off: b.Off, N: uint32(made)})
	}
}
