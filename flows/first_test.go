package flows

import (
	"slices"
	"testing"

	"ipvd/pmd/pmdtest"
)

// noting is a stage that notes in which order bursts come, and drops them.
type noting struct {
	g    *Graph
	name string
	seen *[]string
}

func (n *noting) Push(b Burst) {
	*n.seen = append(*n.seen, n.name)
	n.g.own[cntStopped].Add(uint64(b.N))
	n.g.vec.DropBurst(b)
}

func TestChosenInputsComeFirst(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1024)
	ports := map[string]*pmdtest.Port{}
	names := []string{"a", "b", "c", "d"}
	for _, n := range names {
		ports[n] = rt.NewPort(n, pmdtest.PortOptions{})
	}
	ports["d"] = rt.OtherDriver().NewPort("d", pmdtest.PortOptions{})
	var seen []string
	st, err := NewStepper(Config{Runtime: rt, Pool: rt.Pool(), CPUs: []int{-1}}, func(g *Graph) error {
		for _, n := range names {
			if err := g.Input(n, ports[n].Rx()[0], &noting{g, n, &seen}); err != nil {
				return err
			}
		}
		g.First(ports["b"].Rx()[0])
		g.First(ports["d"].Rx()[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, n := range names {
		ports[n].Inject(0, make([]byte, 60))
	}
	if n := st.Step(); n != 4 {
		t.Errorf("%d packets, want 4", n)
	}
	if want := []string{"b", "d", "a", "c"}; !slices.Equal(seen, want) {
		t.Errorf("pushed in the order %v, want %v", seen, want)
	}
	if d := st.Account().Difference(); d != 0 {
		t.Errorf("account differs by %d", d)
	}
}
