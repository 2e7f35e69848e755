package flows

import (
	"fmt"
	"strings"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// number is the number that frames put into a frame.
func number(m *pmd.Mbuf) int {
	n := 0
	for _, c := range m.Data()[len("frame "):] {
		n = 10*n + int(c-'0')
	}
	return n
}

// bench is a stepper with a port `in` and ports to send to.
type bench struct {
	*Stepper
	rt  *pmdtest.Runtime
	in  *pmdtest.Port
	out []*pmdtest.Port
}

// newBench builds a graph that receives from in.
func newBench(t testing.TB, outputs int, build func(g *Graph, f *Flow, out []*pmdtest.Port)) *bench {
	t.Helper()
	b := &bench{rt: pmdtest.NewRuntime(t, 256)}
	b.in = b.rt.NewPort("in", pmdtest.PortOptions{})
	for i := range outputs {
		b.out = append(b.out, b.rt.NewPort(fmt.Sprintf("out%d", i), pmdtest.PortOptions{}))
	}
	b.Stepper = newStepper(t, config(b.rt, 1), func(g *Graph) error {
		build(g, g.Receive(b.in), b.out)
		return nil
	})
	return b
}

// run injects n frames, steps until all are sent, and wants the outputs to have
// sent the frames with the given numbers.
func (b *bench) run(t testing.TB, n int, want ...[]int) {
	t.Helper()
	b.in.Inject(0, frames(n)...)
	for b.Step() > 0 {
	}
	b.Flush()
	for i, p := range b.out {
		var got []int
		for _, f := range p.Sent(0) {
			var k int
			fmt.Sscanf(string(f), "frame %d", &k)
			got = append(got, k)
		}
		if fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("output %d sent %v, want %v", i, got, want[i])
		}
	}
}

func TestSeparateKeepsWhatThePredicateAccepts(t *testing.T) {
	b := newBench(t, 2, func(_ *Graph, f *Flow, out []*pmdtest.Port) {
		odd := f.Separate(func(m *pmd.Mbuf) bool { return number(m)%2 == 0 })
		f.Send(out[0])
		odd.Send(out[1])
	})
	b.run(t, 7, []int{0, 2, 4, 6}, []int{1, 3, 5})
	checkAccount(t, b.Account(), nil)
}

func TestSplitDropsBadVerdicts(t *testing.T) {
	for name, split := range map[string]func(f *Flow) []*Flow{
		"packet": func(f *Flow) []*Flow {
			return f.Split(2, func(m *pmd.Mbuf) int { return []int{0, 1, 2, -1, 1 << 32, 0}[number(m)] })
		},
		"burst": func(f *Flow) []*Flow {
			return f.SplitBurst(2, func(ms []*pmd.Mbuf, v []Verdict) {
				for i, m := range ms {
					v[i] = []Verdict{0, 1, 2, 7, 1 << 31, 0}[number(m)]
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2, func(_ *Graph, f *Flow, out []*pmdtest.Port) {
				for i, part := range split(f) {
					part.Send(out[i])
				}
			})
			b.run(t, 6, []int{0, 5}, []int{1})
			checkAccount(t, b.Account(), map[string]uint64{"bad_verdict": 3})
		})
	}
}

func TestPartitionTakesTurnsAcrossBursts(t *testing.T) {
	b := newBench(t, 2, func(_ *Graph, f *Flow, out []*pmdtest.Port) {
		rest := f.Partition(5, 2)
		f.Send(out[0])
		rest.Send(out[1])
	})
	b.run(t, 16, []int{0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15}, []int{5, 6, 12, 13})
}

func TestHandleWritesToACopyOfWhatOthersSee(t *testing.T) {
	mark := func(m *pmd.Mbuf) { m.Data()[len("frame 0000")]++ }
	for name, handle := range map[string]func(f *Flow){
		"packet": func(f *Flow) { f.Handle(mark) },
		"burst": func(f *Flow) {
			f.HandleBurst(func(ms []*pmd.Mbuf) {
				for _, m := range ms {
					mark(m)
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2, func(_ *Graph, f *Flow, out []*pmdtest.Port) {
				twin := f.Copy()
				handle(f)
				f.Send(out[0])
				twin.Send(out[1])
			})
			b.run(t, 3, []int{1, 2, 3}, []int{0, 1, 2})
			a := b.Account()
			checkAccount(t, a, nil)
			if a.Copied != 3 || a.Delivered != 6 {
				t.Errorf("copied %d and delivered %d, want 3 and 6", a.Copied, a.Delivered)
			}
		})
	}
}

func TestHandleDropsWhatItCannotCopy(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	in, out := rt.NewPort("in", pmdtest.PortOptions{}), rt.NewPort("out", pmdtest.PortOptions{})
	cfg := config(rt, 1)
	cfg.Stock = 2
	s := newStepper(t, cfg, func(g *Graph) error {
		f := g.Receive(in)
		twin := f.Copy()
		g.Merge(f.Handle(func(*pmd.Mbuf) {}), twin).Send(out)
		return nil
	})
	in.Inject(0, frames(8)...)
	s.Step()
	s.Flush()
	if got := len(out.Sent(0)); got != 8+2 {
		t.Errorf("sent %d packets, want 8 and 2 copies", got)
	}
	checkAccount(t, s.Account(), map[string]uint64{"no_mbuf": 6})
}

func TestFullVectorDropsByReason(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	in, out := rt.NewPort("in", pmdtest.PortOptions{}), rt.NewPort("out", pmdtest.PortOptions{})
	cfg := config(rt, 1)
	cfg.VectorPackets = 10 // a burst of 8 leaves 2
	s := newStepper(t, cfg, func(g *Graph) error {
		f := g.Receive(in)
		twin := f.Copy()
		odd := f.Separate(func(m *pmd.Mbuf) bool { return number(m)%2 == 0 })
		g.Merge(f, odd, twin).Send(out)
		return nil
	})
	in.Inject(0, frames(8)...)
	s.Step()
	s.Flush()
	checkAccount(t, s.Account(), map[string]uint64{"vector_full": 16})
}

func TestGenerateMakesPacketsUntilFnHasNoMore(t *testing.T) {
	made := 0
	fill := func(m *pmd.Mbuf) bool {
		if made == 12 {
			return false
		}
		m.SetLen(copy(m.Room(), fmt.Sprintf("frame %05d", made)))
		made++
		return true
	}
	for name, generate := range map[string]func(g *Graph) *Flow{
		"packet": func(g *Graph) *Flow { return g.Generate(fill) },
		"burst": func(g *Graph) *Flow {
			return g.GenerateBurst(func(ms []*pmd.Mbuf) int {
				for i, m := range ms {
					if !fill(m) {
						return i
					}
				}
				return len(ms)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			made = 0
			b := newBench(t, 1, func(g *Graph, f *Flow, out []*pmdtest.Port) {
				g.Merge(f, generate(g)).Send(out[0])
			})
			b.Step() // a stock of 8
			b.Step()
			b.Step()
			b.run(t, 1, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0})
			a := b.Account()
			checkAccount(t, a, nil)
			if a.Received != 13 {
				t.Errorf("received %d packets, want 12 generated and one", a.Received)
			}
		})
	}
}

func TestAccountHoldsWhenAGeneratorPanics(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 64)
	out := rt.NewPort("out", pmdtest.PortOptions{})
	cfg := config(rt, 1)
	cfg.OnFault = func(Fault) {}
	n := 0
	s := newStepper(t, cfg, func(g *Graph) error {
		g.Generate(func(m *pmd.Mbuf) bool {
			if n++; n == 3 {
				panic("out of ideas")
			}
			return n < 6
		}).Send(out)
		return nil
	})
	for range 4 {
		s.Step()
	}
	s.Flush()
	checkAccount(t, s.Account(), map[string]uint64{"panic": 8})
	if got := len(out.Sent(0)); got != 2 {
		t.Errorf("%d packets sent, want the 2 made after the panic", got)
	}
}

func TestStopCountsWhatItDrops(t *testing.T) {
	b := newBench(t, 0, func(_ *Graph, f *Flow, _ []*pmdtest.Port) { f.Stop() })
	b.run(t, 9)
	checkAccount(t, b.Account(), map[string]uint64{"stopped": 9})
}

func TestWorkersShareQueuesAndPorts(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	multi := rt.NewPort("multi", pmdtest.PortOptions{RxQueues: 3, TxQueues: 2})
	one, two := rt.NewPort("one", pmdtest.PortOptions{}), rt.NewPort("two", pmdtest.PortOptions{})
	s := newStepper(t, config(rt, 2), func(g *Graph) error {
		g.Merge(g.Receive(multi), g.Receive(one), g.Receive(two)).Send(multi)
		return nil
	})
	for i := range 3 {
		multi.Inject(i, frames(1)...)
	}
	one.Inject(0, frames(1)...)
	two.Inject(0, frames(1)...)
	s.Step()
	s.Flush()
	// Worker 0: multi's queues 0 and 2, and two; worker 1: multi's queue 1, and one.
	if a, b := len(multi.Sent(0)), len(multi.Sent(1)); a != 3 || b != 2 {
		t.Errorf("workers sent %d and %d packets, want 3 and 2", a, b)
	}
}

func TestFlowErrorsNameVerbAndLine(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	p := rt.NewPort("p", pmdtest.PortOptions{})
	always := func(*pmd.Mbuf) bool { return true }
	for want, build := range map[string]func(g *Graph){
		"receive at flow_test.go:": func(g *Graph) { g.Receive(p) },
		"separate at flow_test.go:": func(g *Graph) {
			f := g.Receive(p)
			f.Separate(always)
			f.Stop()
		},
		"the flow of receive at flow_test.go:": func(g *Graph) {
			f := g.Receive(p)
			f.Stop()
			f.Send(p)
		},
		"the flow is neither sent nor stopped": func(g *Graph) { g.Generate(always) },
		"turns of 0 and 1 packets":             func(g *Graph) { g.Receive(p).Partition(0, 1).Stop() },
		"receive at flow_test.go:%d: an arg":   func(g *Graph) { g.Receive(nil) },
		"handle at flow_test.go:%d: an arg":    func(g *Graph) { g.Receive(p).Handle(nil).Stop() },
		"separate at flow_test.go:%d: an arg":  func(g *Graph) { g.Receive(p).Separate(nil).Stop() },
		"split at flow_test.go:%d: an arg":     func(g *Graph) { g.Receive(p).Split(1, nil)[0].Stop() },
		"generate at flow_test.go:%d: an arg":  func(g *Graph) { g.GenerateBurst(nil).Stop() },
		"merge at flow_test.go:%d: an arg":     func(g *Graph) { g.Merge().Stop() },
		"send at flow_test.go:%d: an arg":      func(g *Graph) { g.Receive(p).Send(nil) },
		"p rx 0 is an input already":           func(g *Graph) { g.Merge(g.Receive(p), g.Receive(p)).Stop() },
	} {
		_, err := NewStepper(config(rt, 1), func(g *Graph) error { build(g); return nil })
		first, second, _ := strings.Cut(want, "%d")
		if err == nil || !strings.Contains(err.Error(), first) || !strings.Contains(err.Error(), second) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestPictureShowsEachEdgeOnce(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	p := rt.NewPort("p", pmdtest.PortOptions{RxQueues: 2, TxQueues: 2})
	s := newStepper(t, config(rt, 2), func(g *Graph) error {
		f := g.Receive(p)
		f.Separate(func(*pmd.Mbuf) bool { return true }).Stop()
		f.Send(p)
		g.Edge("separate 2", "hell", `a "label"`)
		return nil
	})
	got := s.DOT()
	for _, want := range []string{`"p rx 0" -> "separate 2"`, `"p rx 1" -> "separate 2"`, `"separate 2" -> "stop 3" [label="no"]`,
		`"separate 2" -> "p tx 1" [label="yes"]`, `"separate 2" -> "hell" [label="a \"label\""]`} {
		if strings.Count(got, want) != 1 {
			t.Errorf("picture has %q %d times, want once:\n%s", want, strings.Count(got, want), got)
		}
	}
}
