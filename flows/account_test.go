package flows

import (
	"sync"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

func TestEveryStatisticHasItsPlaceInTheAccount(t *testing.T) {
	a := Account{Reasons: map[string]uint64{}}
	a.addRx(pmd.QueueStats{Packets: 1000, NoMbuf: 1, Errors: 2})
	a.addTx(pmd.QueueStats{Packets: 900, Full: 3, TooBig: 4, Refused: 5})
	a.addPort(pmd.PortStats{Missed: 6, Errors: 7, NoMbuf: 8, OErrors: 9})
	for kind, n := range map[Kind]uint64{Info: 1 << 40, In: 10, Copied: 11, Out: 12, Dropped: 13} {
		a.addCounter(CounterSpec{"no_route", kind}, n)
	}
	if a.Received != 1000+1+2+6+7+8+10 || a.Copied != 11 || a.Delivered != 900-9+12 {
		t.Errorf("received %d, copied %d, delivered %d", a.Received, a.Copied, a.Delivered)
	}
	want := map[string]uint64{"rx_nombuf": 1 + 8, "rx_error": 2, "tx_full": 3, "tx_too_big": 4, "tx_refused": 5,
		"imissed": 6, "ierrors": 7, "oerrors": 9, "no_route": 13}
	var sum uint64
	for reason, n := range want {
		sum += n
		if a.Reasons[reason] != n {
			t.Errorf("%d dropped as %s, want %d", a.Reasons[reason], reason, n)
		}
	}
	if a.Dropped != sum || len(a.Reasons) != len(want) {
		t.Errorf("dropped %d by %v, want %d", a.Dropped, a.Reasons, sum)
	}
	if got, want := a.Difference(), int64(1034+11-903)-int64(sum); got != want {
		t.Errorf("difference %d, want %d", got, want)
	}
}

func TestAccountBeginsWhenAGraphUsesThePort(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	p := rt.NewPort("p", pmdtest.PortOptions{})
	p.SetStats(pmd.PortStats{Missed: 100, OErrors: 5})
	set := NewCounterSet("old", 1, []CounterSpec{{"stale", Dropped}})
	set.Worker(0)[0].Add(7)
	s := newStepper(t, config(rt, 1), func(g *Graph) error {
		g.Counters(set)
		return wire(p, p)(g)
	})
	checkAccount(t, s.Account(), nil)
	p.SetStats(pmd.PortStats{Missed: 103, OErrors: 5})
	checkAccount(t, s.Account(), map[string]uint64{"imissed": 3})
	p.SetStats(pmd.PortStats{Missed: 1}) // the device was reset
	checkAccount(t, s.Account(), nil)
}

func TestReadingsAreInOrder(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 256)
	z := NewCounterSet("z", 2, []CounterSpec{{"second", Dropped}, {"first", Info}})
	a := NewCounterSet("a", 2, []CounterSpec{{"seen", In}})
	s := newStepper(t, config(rt, 2), func(g *Graph) error {
		g.Counters(z)[0].Add(uint64(1 + g.Worker()))
		g.Counters(z)[1].Add(10)
		g.Counters(a)
		return nil
	})
	rs := s.Counters()
	if first := rs[0]; first != (Reading{"a", "seen", In, 0}) {
		t.Errorf("first reading %+v, want a's", first)
	}
	last := rs[len(rs)-2:]
	if last[0] != (Reading{"z", "second", Dropped, 3}) || last[1] != (Reading{"z", "first", Info, 20}) {
		t.Errorf("last readings %+v, want z's in the order of its specs", last)
	}
	if z.Total(Dropped) != 3 || z.Total(Copied) != 0 {
		t.Errorf("totals of z: %d dropped, %d copied, want 3 and 0", z.Total(Dropped), z.Total(Copied))
	}
}

func TestWorkersCountWithoutLosingAny(t *testing.T) {
	set := NewCounterSet("s", 4, []CounterSpec{{"n", Info}})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			c := &set.Worker(w)[0]
			for range 1000 {
				c.Add(1)
			}
		})
	}
	wg.Wait()
	if got := set.Load(0); got != 4000 {
		t.Errorf("counted %d, want 4000", got)
	}
}
