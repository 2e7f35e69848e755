package ipvlan

import (
	"encoding/binary"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd/pmdtest"
)

// slavesWith are slaves with these ids, as NewSlave makes them.
func slavesWith(ids ...uint16) []*Slave {
	var all []*Slave
	for _, id := range ids {
		all = append(all, NewSlave("m", id, "s", nil, 1500, 1))
	}
	return all
}

// loads is how many slaves each worker polls.
func loads(workers int, masters ...*Master) []int {
	n := make([]int, workers)
	for _, m := range masters {
		for _, s := range m.Slaves {
			n[s.Turn]++
		}
	}
	return n
}

func TestSlavesWithEvenIDsAreSharedOut(t *testing.T) {
	m := &Master{Slaves: slavesWith(2, 4, 6, 8, 10, 12, 14, 16)}
	Balance([]*Master{m}, 2)
	if got := loads(2, m); !slices.Equal(got, []int{4, 4}) {
		t.Errorf("slaves by worker: %v", got)
	}
}

func TestBalanceHoldsWhileSlavesComeAndGo(t *testing.T) {
	const workers = 3
	m := &Master{}
	next := uint16(1)
	for round := range 200 {
		if round%5 < 3 {
			m.Slaves = append(m.Slaves, slavesWith(next*workers)...) // ids of one worker
			next++
		} else {
			m.Slaves = slices.Delete(m.Slaves, 0, 1)
		}
		before := map[*Slave]int{}
		for _, s := range m.Slaves {
			before[s] = s.Turn
		}
		Balance([]*Master{m}, workers)
		got, moved := loads(workers, m), 0
		for s, w := range before {
			if w%workers != s.Turn {
				moved++
			}
		}
		if slices.Max(got)-slices.Min(got) > 1 || moved > 1 {
			t.Fatalf("round %d: slaves by worker %v, %d moved for one that came or went", round, got, moved)
		}
	}
}

func TestBalanceMovesNobodyWithoutNeed(t *testing.T) {
	m := &Master{Slaves: slavesWith(1, 2, 3)}
	Balance([]*Master{m}, 2)
	want := []int{m.Slaves[0].Turn, m.Slaves[1].Turn, m.Slaves[2].Turn}
	m.Slaves = append(m.Slaves, slavesWith(5)...)
	Balance([]*Master{m}, 2)
	m.Slaves = m.Slaves[:3]
	Balance([]*Master{m}, 2)
	for i, s := range m.Slaves {
		if s.Turn != want[i] {
			t.Errorf("slave %d went from worker %d to %d", s.ID, want[i], s.Turn)
		}
	}
}

func TestMastersAreBalancedTogether(t *testing.T) {
	a, b := &Master{Slaves: slavesWith(1)}, &Master{Slaves: slavesWith(1)}
	Balance([]*Master{a, b}, 2)
	if got := loads(2, a, b); !slices.Equal(got, []int{1, 1}) {
		t.Errorf("slaves by worker: %v", got)
	}
}

// crowd is a master with slaves of even ids, on two workers that sleep soon.
type crowd struct {
	t     *testing.T
	m     *Master
	wire  *pmdtest.Port
	ports map[*Slave]*pmdtest.Port
	sys   *flows.System
	sent  map[uint16]uint32 // frames by slave id
}

func newCrowd(t *testing.T, slaves int) *crowd {
	t.Helper()
	rt := pmdtest.NewRuntime(t, 8192)
	c := &crowd{t: t, m: NewMaster("m", 2), wire: rt.NewPort("wire", pmdtest.PortOptions{RxQueues: 2}),
		ports: map[*Slave]*pmdtest.Port{}, sent: map[uint16]uint32{}}
	c.m.Mode, c.m.MTU, c.m.MAC = L2, 1500, macM
	c.m.Wire, c.m.Host = c.wire, rt.OtherDriver().NewPort("host", pmdtest.PortOptions{})
	for i := range slaves {
		p := rt.OtherDriver().NewPort("slave", pmdtest.PortOptions{})
		s := NewSlave("m", uint16(2*i+2), "slave", p, 1500, 2)
		c.ports[s], c.m.Slaves = p, append(c.m.Slaves, s)
	}
	cfg := flows.Config{Runtime: rt, Pool: rt.Pool(), CPUs: []int{-1, -1}, IdleSteps: 8, SwapTimeout: time.Minute}
	var err error
	if c.sys, err = flows.Start(cfg, c.build()); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crowd) build() flows.Build {
	m := *c.m
	Balance([]*Master{&m}, 2)
	return func(g *flows.Graph) error { return Build(g, &m) }
}

// send makes slaves send n numbered frames each to the wire.
func (c *crowd) send(n int, slaves ...*Slave) {
	for _, s := range slaves {
		for range n {
			c.ports[s].Inject(0, ether(macW, macM, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.254", func(b []byte) {
				binary.BigEndian.PutUint16(b[28:], s.ID)
				binary.BigEndian.PutUint32(b[30:], c.sent[s.ID])
			})))
			c.sent[s.ID]++
		}
	}
}

func (c *crowd) await(what string, ok func() bool) {
	c.t.Helper()
	const limit = time.Minute
	for end := time.Now().Add(limit); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			c.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// checkOrder wants every slave's frames on the wire, in the order sent.
func (c *crowd) checkOrder() {
	c.t.Helper()
	next := map[uint16]uint32{}
	for _, f := range c.wire.Sent(0) {
		id, n := binary.BigEndian.Uint16(f[14+28:]), binary.BigEndian.Uint32(f[14+30:])
		if n != next[id] {
			c.t.Fatalf("slave %d: frame %d where %d is next", id, n, next[id])
		}
		next[id]++
	}
	if !maps.Equal(next, c.sent) {
		c.t.Errorf("frames on the wire %v, sent %v", next, c.sent)
	}
}

// TestMovedSlavesKeepTheirPacketsInOrder moves slaves between workers by
// removing others, with frames under way.
func TestMovedSlavesKeepTheirPacketsInOrder(t *testing.T) {
	c := newCrowd(t, 16)
	total := uint64(0)
	for len(c.m.Slaves) > 2 {
		gone := c.m.Slaves[0]
		c.await("the slave that goes has nothing left to send", func() bool { return c.ports[gone].Waiting(0) == 0 })
		c.m.Slaves = c.m.Slaves[1:]
		c.send(100, c.m.Slaves...)
		total += 100 * uint64(len(c.m.Slaves))
		if err := c.sys.Swap(c.build()); err != nil {
			t.Fatal(err)
		}
		c.ports[gone].Close()
		if n := loads(2, c.m); max(n[0], n[1])-min(n[0], n[1]) > 1 {
			t.Errorf("slaves by worker: %v", n)
		}
	}
	c.await("all is sent", func() bool { return c.sys.Account().Delivered == total })
	if err := c.sys.Stop(); err != nil {
		t.Fatal(err)
	}
	c.checkOrder()
	if a := c.sys.Account(); a.Difference() != 0 || a.Dropped != 0 {
		t.Errorf("account %+v", a)
	}
}
