package flows

import (
	"fmt"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// endless is a runtime with a port `in` that always has a full burst, and one
// that forgets what is sent to it.
func endless(t testing.TB, burst int) (cfg Config, in, out *pmdtest.Port) {
	rt := pmdtest.NewRuntime(t, 2048)
	in = rt.NewPort("in", pmdtest.PortOptions{})
	in.Replay(0, frames(burst)...)
	cfg = Config{Runtime: rt, Pool: rt.Pool(), CPUs: []int{-1}, Burst: burst, VectorPackets: 8 * burst, Stock: 2 * burst}
	return cfg, in, rt.OtherDriver().NewPort("out", pmdtest.PortOptions{Discard: true})
}

func TestStepsAllocateNothing(t *testing.T) {
	fill := func(m *pmd.Mbuf) bool { return m.SetLen(60) }
	even := func(m *pmd.Mbuf) bool { return number(m)%2 == 0 }
	for name, build := range map[string]func(g *Graph, in, out pmd.Port) error{
		"stages":   func(g *Graph, in, out pmd.Port) error { return wire(in, out)(g) },
		"send":     func(g *Graph, in, out pmd.Port) error { g.Receive(in).Send(out); return nil },
		"stop":     func(g *Graph, in, out pmd.Port) error { g.Receive(in).Stop(); return nil },
		"handle":   func(g *Graph, in, out pmd.Port) error { g.Receive(in).Handle(func(*pmd.Mbuf) {}).Send(out); return nil },
		"generate": func(g *Graph, in, out pmd.Port) error { g.Generate(fill).Send(out); return nil },
		"handle burst": func(g *Graph, in, out pmd.Port) error {
			g.Receive(in).HandleBurst(func([]*pmd.Mbuf) {}).Send(out)
			return nil
		},
		"generate burst": func(g *Graph, in, out pmd.Port) error {
			g.GenerateBurst(func(ms []*pmd.Mbuf) int { return len(ms) / 2 }).Send(out)
			return nil
		},
		"separate": func(g *Graph, in, out pmd.Port) error {
			f := g.Receive(in)
			g.Merge(f.Separate(even), f).Send(out)
			return nil
		},
		"split": func(g *Graph, in, out pmd.Port) error {
			g.Merge(g.Receive(in).Split(5, number)...).Send(out)
			return nil
		},
		"split burst": func(g *Graph, in, out pmd.Port) error {
			g.Merge(g.Receive(in).SplitBurst(5, func(ms []*pmd.Mbuf, v []Verdict) {
				for i := range ms {
					v[i] = Verdict(i)
				}
			})...).Send(out)
			return nil
		},
		"partition": func(g *Graph, in, out pmd.Port) error {
			f := g.Receive(in)
			g.Merge(f.Partition(3, 2), f).Send(out)
			return nil
		},
		"copy and handle": func(g *Graph, in, out pmd.Port) error {
			f := g.Receive(in)
			twin := f.Copy().Handle(func(*pmd.Mbuf) {})
			g.Merge(f, twin).Send(out)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, in, out := endless(t, 16)
			s := newStepper(t, cfg, func(g *Graph) error { return build(g, in, out) })
			s.Step()
			if n := testing.AllocsPerRun(50, func() { s.Step() }); n != 0 {
				t.Errorf("%v allocations a step, want none", n)
			}
			if a := s.Account(); a.Received == 0 {
				t.Error("the graph has not had a packet")
			}
		})
	}
}

func TestThreeHundredOutputsComeAndGo(t *testing.T) {
	const outputs = 300
	rt := pmdtest.NewRuntime(t, 2048)
	in := rt.NewPort("in", pmdtest.PortOptions{})
	cfg := config(rt, 1)
	cfg.Burst, cfg.VectorPackets = 64, 1024
	ports := make([]*pmdtest.Port, outputs)
	for i := range ports {
		ports[i] = rt.OtherDriver().NewPort(fmt.Sprintf("out%d", i), pmdtest.PortOptions{})
	}
	spread := func(n int) Build {
		return func(g *Graph) error {
			for i, f := range g.Receive(in).Split(n, number) {
				f.Send(ports[i])
			}
			return nil
		}
	}
	s := newStepper(t, cfg, spread(outputs))
	for round, n := range []int{outputs, outputs / 2, outputs} {
		if err := s.Swap(spread(n)); err != nil {
			t.Fatal(err)
		}
		in.Inject(0, frames(outputs)...)
		for s.Step() > 0 {
		}
		for i, p := range ports {
			want := 0
			if i < n {
				want = 1
			}
			if got := len(p.Sent(0)); got != want {
				t.Fatalf("round %d: output %d sent %d frames, want %d", round, i, got, want)
			}
		}
	}
	checkAccount(t, s.Account(), map[string]uint64{"bad_verdict": outputs / 2})
}

// burstOf is a vector with a burst of n packets, which nothing frees.
func burstOf(b *testing.B, n int) (*pmd.Vector, Burst) {
	rt := pmdtest.NewRuntime(b, n)
	v := pmd.NewVector(4*n, 0, 0, nil)
	for range n {
		m := rt.Pool().Get()
		v.Append(m)
		b.Cleanup(func() { rt.Free(m) })
	}
	return v, Burst{N: uint32(n)}
}

func BenchmarkGrouper(b *testing.B) {
	const n = 64
	for _, different := range []int{1, 2, 8, 64} {
		b.Run(fmt.Sprintf("%d-of-1000", different), func(b *testing.B) {
			vec, burst := burstOf(b, n)
			g := NewGrouper(vec, 1000)
			v := make([]Verdict, n)
			for b.Loop() {
				vec.N = n
				for i := range v {
					v[i] = Verdict(i % different * 13)
				}
				g.Group(burst, v)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/packet")
		})
	}
}

// sink ends a way without touching the packets.
type sink struct{ packets uint32 }

func (s *sink) Push(b Burst) { s.packets += b.N }

// touch is a stage of the least work: it looks at each packet.
type touch struct {
	vec  *pmd.Vector
	next Stage
	sum  int
}

func (s *touch) Push(b Burst) {
	for _, m := range s.vec.Packets(b) {
		s.sum += m.Len()
	}
	s.next.Push(b)
}

// BenchmarkFourStages passes bursts through four steps, without ports: as
// stages, as handlers with a call a burst, and with a call a packet.
func BenchmarkFourStages(b *testing.B) {
	const n, steps = 64, 4
	run := func(b *testing.B, chain func(g *Graph, next Stage) Stage) {
		vec, burst := burstOf(b, n)
		g := &Graph{vec: vec, own: make([]Counter, len(ownSpecs()))}
		var first Stage = &sink{}
		for range steps {
			first = chain(g, first)
		}
		for b.Loop() {
			first.Push(burst)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/packet")
	}
	sum := 0
	b.Run("stages", func(b *testing.B) {
		run(b, func(g *Graph, next Stage) Stage { return &touch{vec: g.vec, next: next} })
	})
	b.Run("burst", func(b *testing.B) {
		run(b, func(g *Graph, next Stage) Stage {
			return &handleBurst{writer: newWriter(g), next: next, fn: func(ms []*pmd.Mbuf) {
				for _, m := range ms {
					sum += m.Len()
				}
			}}
		})
	})
	b.Run("packet", func(b *testing.B) {
		run(b, func(g *Graph, next Stage) Stage {
			return &handle{writer: newWriter(g), next: next, fn: func(m *pmd.Mbuf) { sum += m.Len() }}
		})
	})
}

// BenchmarkEmptyStep is a worker's turn without packets: the framework alone.
func BenchmarkEmptyStep(b *testing.B) {
	rt := pmdtest.NewRuntime(b, 512)
	s := newStepper(b, config(rt, 1), wire())
	w := s.sys.workers[0]
	for b.Loop() {
		w.turn()
	}
}
