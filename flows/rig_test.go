package flows

import (
	"fmt"
	"testing"
	"time"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// stageFunc is a stage of a test.
type stageFunc func(b Burst)

func (f stageFunc) Push(b Burst) { f(b) }

// config is a system of workers that are not pinned, which have their time for a swap
// on a machine that does much else.
func config(rt *pmdtest.Runtime, workers int) Config {
	cfg := Config{Runtime: rt, Pool: rt.Pool(), Burst: 8, VectorPackets: 64, Stock: 8, SwapTimeout: time.Minute}
	for range workers {
		cfg.CPUs = append(cfg.CPUs, -1)
	}
	return cfg
}

func newStepper(t testing.TB, cfg Config, build Build) *Stepper {
	t.Helper()
	s, err := NewStepper(cfg, build)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// wire is a graph that relays each pair of ports, from the first to the second.
func wire(pairs ...pmd.Port) Build {
	return func(g *Graph) error {
		for i := 0; i < len(pairs); i += 2 {
			in, out := pairs[i], pairs[i+1]
			for j, q := range in.Rx() {
				if !Share(i/2+j, g.Worker(), g.Workers()) {
					continue
				}
				o, err := g.Output("wire", out.Tx()[0])
				if err != nil {
					return err
				}
				if err := g.Input("wire", q, o); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// frames are n frames that tell their number.
func frames(n int) [][]byte {
	fs := make([][]byte, n)
	for i := range fs {
		fs[i] = fmt.Appendf(nil, "frame %05d", i)
	}
	return fs
}

// checkAccount wants every packet in one counter, and so many of them dropped.
func checkAccount(t testing.TB, a Account, drops map[string]uint64) {
	t.Helper()
	if d := a.Difference(); d != 0 {
		t.Errorf("account does not add up by %d: %+v", d, a)
	}
	if len(a.Reasons) != len(drops) {
		t.Errorf("dropped %v, want %v", a.Reasons, drops)
	}
	for reason, want := range drops {
		if got := a.Reasons[reason]; got != want {
			t.Errorf("dropped %d packets as %s, want %d", got, reason, want)
		}
	}
}
