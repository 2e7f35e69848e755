package flows

import (
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// meter is a sink that tells what it got.
type meter struct {
	g      *Graph
	pushed int // packets that came without being metered
}

func (m *meter) Push(b Burst) {
	m.pushed += int(b.N)
	m.stop(b)
}

func (m *meter) stop(b Burst) {
	m.g.own[cntStopped].Add(uint64(b.N))
	m.g.vec.DropBurst(b)
}

func (m *meter) PushMetered(b Burst) (bytes uint64) {
	for _, p := range m.g.vec.Packets(b) {
		bytes += uint64(p.Len())
	}
	m.stop(b)
	return bytes
}

// nobody is a watcher that takes no notice.
type nobody struct{}

func (nobody) Input(pmd.RxQueue) int               { return 0 }
func (nobody) Output(pmd.TxQueue) int              { return 0 }
func (nobody) Stage(string) int                    { return 0 }
func (nobody) Counters(*CounterSet, []Counter)     {}
func (nobody) Together(_ int, p []*pmd.Mbuf) int   { return len(p) }
func (nobody) Received(int, []*pmd.Mbuf)           {}
func (nobody) Through()                            {}
func (nobody) Entered(int, []*pmd.Mbuf)            {}
func (nobody) Left()                               {}
func (nobody) Queued(int, []*pmd.Mbuf)             {}
func (nobody) Dropped([]Counter, int, []*pmd.Mbuf) {}

// TestAMeterCountsTheBytesOfItsQueue: pmdtest compares what it says with what came. Other
// stages' queues count by themselves, and so does one that somebody watches.
func TestAMeterCountsTheBytesOfItsQueue(t *testing.T) {
	for _, first := range []bool{false, true} {
		rt := pmdtest.NewRuntime(t, 64)
		a, b := rt.NewPort("a", pmdtest.PortOptions{}), rt.OtherDriver().NewPort("b", pmdtest.PortOptions{})
		stages := map[*pmdtest.Port]*meter{a: {}, b: {}}
		build := func(g *Graph) error {
			for _, p := range []*pmdtest.Port{a, b} {
				stages[p].g = g
				if err := g.Input("meter", p.Rx()[0], stages[p]); err != nil {
					return err
				}
			}
			if first {
				g.First(b.Rx()[0])
			}
			return nil
		}
		s := newStepper(t, config(rt, 1), build)
		a.Inject(0, make([]byte, 60), make([]byte, 1000))
		b.Inject(0, make([]byte, 70))
		s.Step()
		if got, want := [2]uint64{a.Rx()[0].Stats().Bytes, b.Rx()[0].Stats().Bytes}, [2]uint64{1060, 70}; got != want {
			t.Errorf("first %v: counted %v bytes, want %v", first, got, want)
		}
		if n := stages[a].pushed + stages[b].pushed; n != 0 {
			t.Errorf("first %v: %d packets were not metered", first, n)
		}
		err := s.Swap(func(g *Graph) error {
			g.Watch(nobody{})
			return build(g)
		})
		if err != nil {
			t.Fatal(err)
		}
		a.Inject(0, make([]byte, 100))
		s.Step()
		if got := a.Rx()[0].Stats().Bytes; got != 1160 || stages[a].pushed != 1 {
			t.Errorf("first %v: watched, counted %d bytes and pushed %d packets, want 1160 and 1", first, got, stages[a].pushed)
		}
	}
}
