package ipvlan

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// modelRegistry says what a registry should, the long way: it keeps the claims
// of all addresses in one list and looks through all of it for every question.
type modelRegistry struct {
	claims []Claimed // oldest first
	up     map[uint32]bool
}

func (m *modelRegistry) claim(slave uint32, a netip.Addr, from Source) {
	for i, c := range m.claims {
		if c.Slave == slave && c.Addr == a {
			m.claims[i].Source |= from
			return
		}
	}
	m.claims = append(m.claims, Claimed{Addr: a, Slave: slave, Source: from})
}

func (m *modelRegistry) release(slave uint32, from Source, released func(netip.Addr) bool) {
	for i, c := range m.claims {
		if c.Slave == slave && released(c.Addr) {
			m.claims[i].Source &^= from
		}
	}
	m.claims = slices.DeleteFunc(m.claims, func(c Claimed) bool { return c.Source == 0 })
}

// all fills in states and owners, and gives the table there should be.
func (m *modelRegistry) all() ([]Claimed, map[netip.Addr]uint32) {
	owner, table := map[netip.Addr]uint32{}, map[netip.Addr]uint32{}
	out := slices.Clone(m.claims)
	for i := range out {
		c := &out[i]
		first, taken := owner[c.Addr]
		switch {
		case taken:
			c.State, c.Owner = Conflict, first
			continue
		case m.up[c.Slave]:
			c.State, table[c.Addr] = Active, c.Slave
		default:
			c.State = Inactive
		}
		c.Owner, owner[c.Addr] = c.Slave, c.Slave
	}
	slices.SortStableFunc(out, func(a, b Claimed) int { return a.Addr.Compare(b.Addr) })
	return out, table
}

func TestRegistryAgreesWithItsModel(t *testing.T) {
	const slaves, addrs = 5, 12
	r, m := NewRegistry(RegistryConfig{}), &modelRegistry{up: map[uint32]bool{}}
	log := map[netip.Addr]map[uint32]State{} // what the events say
	for step := range 20_000 {
		events, what := randomChange(t, r, m, rand.Uint32N(slaves), addrs)
		for _, e := range events {
			if log[e.Addr] == nil {
				log[e.Addr] = map[uint32]State{}
			}
			if was := log[e.Addr][e.Slave]; was != e.From || e.From == e.To {
				t.Fatalf("step %d, %s: event %+v, but the state was %v", step, what, e, was)
			}
			log[e.Addr][e.Slave] = e.To
		}
		want, table := m.all()
		if got := r.Claims(); !slices.Equal(got, want) {
			t.Fatalf("step %d, %s: claims\n%+v, want\n%+v", step, what, got, want)
		}
		tableEquals(t, r.Table(), table)
		checkStates(t, r, log, want)
		if t.Failed() {
			t.Fatalf("step %d, %s", step, what)
		}
	}
}

// checkStates compares the claims with what the events said, and with ActiveOf.
func checkStates(t *testing.T, r *Registry, log map[netip.Addr]map[uint32]State, want []Claimed) {
	active := map[uint32]int{}
	for _, c := range want {
		if log[c.Addr][c.Slave] != c.State {
			t.Errorf("events leave %v of slave %d %v, want %v", c.Addr, c.Slave, log[c.Addr][c.Slave], c.State)
		}
		if c.State == Active {
			active[c.Slave]++
		}
	}
	for slave := range uint32(5) {
		if got := r.ActiveOf(slave); got != active[slave] {
			t.Errorf("ActiveOf(%d) = %d, want %d", slave, got, active[slave])
		}
	}
}

// randomChange does the same to both, and says what.
func randomChange(t *testing.T, r *Registry, m *modelRegistry, slave uint32, addrs int) ([]Event, string) {
	a := addr4(10<<24 + rand.Uint32N(uint32(addrs)))
	from := Source(1 + rand.IntN(2))
	one := func(b netip.Addr) bool { return a == b }
	switch rand.IntN(10) {
	case 0:
		m.up[slave] = true
		return r.SlaveUp(slave), "up"
	case 1:
		m.up[slave] = false
		return r.SlaveDown(slave), "down"
	case 2:
		m.up[slave] = false
		m.release(slave, Learned|Static, func(netip.Addr) bool { return true })
		return r.SlaveGone(slave), "gone"
	case 3:
		var dump []netip.Addr
		for range rand.IntN(4) {
			dump = append(dump, addr4(10<<24+rand.Uint32N(uint32(addrs))))
		}
		m.release(slave, Learned, func(b netip.Addr) bool { return !slices.Contains(dump, b) })
		for _, b := range dump {
			m.claim(slave, b, Learned)
		}
		events, err := r.Sync(slave, dump)
		if err != nil {
			t.Fatal(err)
		}
		return events, "sync"
	case 4, 5, 6:
		m.release(slave, from, one)
		return r.Release(slave, a, from), "release"
	}
	m.claim(slave, a, from)
	return mustClaim(t, r, slave, a, from), "claim"
}
