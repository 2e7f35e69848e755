package ipvlan

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
)

// Registry decides which slave has an address and keeps the Table so. An
// address belongs to the slave that claimed it first, for as long as it claims
// it; later claims are in conflict and wait in their order. The owner's address
// is in the table while the owner is up; while it is down nobody has the
// address, as with the kernel's driver, whose `ip addr add` refuses the address
// of a slave that is down (ipvlan_addr_busy, drivers/net/ipvlan/ipvlan_core.c).
//
// A registry belongs to one master and is used by one goroutine at a time. Its
// methods return what has changed, oldest first, when the table has it.
type Registry struct {
	table  *Table
	every  bool
	slaves map[uint32]*slaveAddrs
	claims map[netip.Addr][]claim // oldest first
	host   map[netip.Addr]bool
	hosts  *Table // the same, for workers
}

// RegistryConfig says what a registry takes.
type RegistryConfig struct {
	// Every takes loopback, unspecified, multicast and broadcast addresses, as
	// the kernel's driver does. Without it they are ignored: they are no
	// slave's alone, and a claim would draw in what belongs to the host.
	Every bool
}

// Source is who says that a slave has an address; both may.
type Source uint8

const (
	Learned Source = 1 << iota // the slave's interface has it
	Static                     // the control API gave it, for a port without interface
)

// claim is one slave's claim to an address.
type claim struct {
	slave  uint32
	source Source
	state  State
}

type slaveAddrs struct {
	up    bool
	addrs map[netip.Addr]bool
}

// NewRegistry makes a registry with a table of its own.
func NewRegistry(c RegistryConfig) *Registry {
	return &Registry{table: NewTable(), every: c.Every, slaves: map[uint32]*slaveAddrs{},
		claims: map[netip.Addr][]claim{}, host: map[netip.Addr]bool{}, hosts: NewTable()}
}

// Table is for workers to look addresses up. Only the registry writes to it.
func (r *Registry) Table() *Table { return r.table }

// Hosts is for workers to look the host port's addresses up, as SetHost has given
// them. What it says of a slave means nothing. Only the registry writes to it.
func (r *Registry) Hosts() *Table { return r.hosts }

// SlaveUp makes the addresses that a slave owns active.
func (r *Registry) SlaveUp(slave uint32) []Event { return r.setUp(slave, true) }

// SlaveDown makes the addresses that a slave owns inactive.
func (r *Registry) SlaveDown(slave uint32) []Event { return r.setUp(slave, false) }

func (r *Registry) setUp(slave uint32, up bool) (events []Event) {
	s := r.slave(slave)
	s.up = up
	for _, a := range s.sorted() {
		events = r.settle(events, a)
	}
	return events
}

// SlaveGone releases all that a slave claims and forgets the slave.
func (r *Registry) SlaveGone(slave uint32) (events []Event) {
	for _, a := range r.slave(slave).sorted() {
		events = r.release(events, slave, a, Learned|Static)
	}
	delete(r.slaves, slave)
	return events
}

// Claim says that a slave has an address. One that registries ignore is no
// error; one that no packet can bear is ErrAddr. A zone is left out.
func (r *Registry) Claim(slave uint32, a netip.Addr, from Source) ([]Event, error) {
	if !a.IsValid() || slave == math.MaxUint32 {
		return nil, fmt.Errorf("slave %d: claim %v: %w", slave, a, ErrAddr)
	}
	if a = a.WithZone(""); r.ignored(a) {
		return nil, nil
	}
	i := r.indexOf(slave, a)
	if i >= 0 {
		r.claims[a][i].source |= from
		return nil, nil
	}
	r.slave(slave).addrs[a] = true
	r.claims[a] = append(r.claims[a], claim{slave: slave, source: from})
	return r.settle(nil, a), nil
}

// Release says that a slave no longer has an address from this source. The
// claim ends with its last source.
func (r *Registry) Release(slave uint32, a netip.Addr, from Source) []Event {
	return r.release(nil, slave, a.WithZone(""), from)
}

// Sync makes a slave's learned addresses those of a dump, which is complete.
func (r *Registry) Sync(slave uint32, dump []netip.Addr) (events []Event, err error) {
	keep := make(map[netip.Addr]bool, len(dump))
	for _, a := range dump {
		keep[a.WithZone("")] = true
	}
	for _, a := range r.slave(slave).sorted() {
		if !keep[a] {
			events = r.release(events, slave, a, Learned)
		}
	}
	for _, a := range dump {
		e, claimErr := r.Claim(slave, a, Learned)
		events, err = append(events, e...), errors.Join(err, claimErr)
	}
	return events, err
}

// SetHost says which addresses the host port has. A slave may claim them too,
// and then gets their packets; Event.Host and IsHost are there to warn.
func (r *Registry) SetHost(addrs []netip.Addr) {
	before := maps.Clone(r.host)
	clear(r.host)
	for _, a := range addrs {
		a = a.WithZone("")
		r.host[a] = true
		_ = r.hosts.Set(a, 0) // one that no packet can bear is found by none
	}
	for a := range before {
		if !r.host[a] {
			r.hosts.Delete(a)
		}
	}
}

// IsHost says whether the host port has the address.
func (r *Registry) IsHost(a netip.Addr) bool { return r.host[a.WithZone("")] }

func (r *Registry) slave(id uint32) *slaveAddrs {
	s := r.slaves[id]
	if s == nil {
		s = &slaveAddrs{addrs: map[netip.Addr]bool{}}
		r.slaves[id] = s
	}
	return s
}

// sorted is a slave's addresses in an order that is the same every time.
func (s *slaveAddrs) sorted() []netip.Addr {
	out := make([]netip.Addr, 0, len(s.addrs))
	for a := range s.addrs {
		out = append(out, a)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

func (r *Registry) indexOf(slave uint32, a netip.Addr) int {
	return slices.IndexFunc(r.claims[a], func(c claim) bool { return c.slave == slave })
}

func (r *Registry) release(events []Event, slave uint32, a netip.Addr, from Source) []Event {
	i := r.indexOf(slave, a)
	if i < 0 {
		return events
	}
	c := &r.claims[a][i]
	if c.source &^= from; c.source != 0 {
		return events
	}
	events = append(events, Event{Addr: a, Slave: slave, From: c.state, Host: r.host[a]})
	delete(r.slaves[slave].addrs, a)
	r.claims[a] = slices.Delete(r.claims[a], i, i+1)
	return r.settle(events, a)
}

// settle gives every claim to an address its state, and the table its owner. An
// address that goes from one slave to the next is never out of the table.
func (r *Registry) settle(events []Event, a netip.Addr) []Event {
	claims := r.claims[a]
	if len(claims) == 0 {
		delete(r.claims, a)
		r.table.Delete(a)
		return events
	}
	owner := claims[0].slave
	for i := range claims {
		c, to := &claims[i], Conflict
		if i == 0 {
			to = r.ownerState(owner, a)
		}
		if c.state != to {
			events = append(events, Event{Addr: a, Slave: c.slave, From: c.state, To: to, Owner: owner, Host: r.host[a]})
			c.state = to
		}
	}
	return events
}

// ownerState puts the owner's address into the table, or takes it out.
func (r *Registry) ownerState(owner uint32, a netip.Addr) State {
	if !r.slaves[owner].up {
		r.table.Delete(a)
		return Inactive
	}
	_ = r.table.Set(a, owner) // Claim has refused all that Set refuses
	return Active
}

func (r *Registry) ignored(a netip.Addr) bool {
	return !r.every && (a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() ||
		a == netip.AddrFrom4([4]byte{255, 255, 255, 255}))
}
