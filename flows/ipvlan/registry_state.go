package ipvlan

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// State is how a slave's claim to an address stands.
type State uint8

const (
	Released State = iota // no claim
	Active                // the slave gets the address's packets
	Inactive              // the slave owns the address and is down
	Conflict              // another slave claimed the address earlier
)

// String is the state as `addr show` prints it.
func (s State) String() string {
	return [...]string{"released", "active", "inactive", "conflict"}[s&3]
}

// Event is a claim that has changed its state.
type Event struct {
	Addr     netip.Addr
	Slave    uint32
	From, To State
	Owner    uint32 // in conflict: who has the address
	Host     bool   // the host port has the address as well
}

// Claimed is an address that a slave claims.
type Claimed struct {
	Addr   netip.Addr
	Slave  uint32
	State  State
	Owner  uint32 // the slave itself, except in conflict
	Source Source
}

// AssignedError says that another slave claims an address. It wraps
// EADDRINUSE and bears the text of the kernel's driver.
type AssignedError struct {
	Addr  netip.Addr
	Slave uint32 // the owner
}

// Error is the kernel's text with the address and its owner.
func (e *AssignedError) Error() string {
	return fmt.Sprintf("%v: Address already assigned to an ipvlan device (slave %d)", e.Addr, e.Slave)
}

// Unwrap is EADDRINUSE.
func (e *AssignedError) Unwrap() error { return unix.EADDRINUSE }

// Check says whether a slave may be given an address: not when another slave
// owns it, up or down (*AssignedError), nor when registries ignore it (EINVAL).
func (r *Registry) Check(a netip.Addr, slave uint32) error {
	if a = a.WithZone(""); !a.IsValid() || r.ignored(a) {
		return fmt.Errorf("%v: not an address for a slave: %w", a, unix.EINVAL)
	}
	if c := r.claims[a]; len(c) > 0 && c[0].slave != slave {
		return &AssignedError{a, c[0].slave}
	}
	return nil
}

// Claims are all claims, by address and, for one address, oldest first.
func (r *Registry) Claims() []Claimed {
	addrs := make([]netip.Addr, 0, len(r.claims))
	for a := range r.claims {
		addrs = append(addrs, a)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	out := make([]Claimed, 0, len(addrs))
	for _, a := range addrs {
		for _, c := range r.claims[a] {
			out = append(out, Claimed{a, c.slave, c.state, r.claims[a][0].slave, c.source})
		}
	}
	return out
}

// ActiveOf is how many active addresses a slave has.
func (r *Registry) ActiveOf(slave uint32) (n int) {
	s := r.slaves[slave]
	if s == nil || !s.up {
		return 0
	}
	for a := range s.addrs {
		if r.claims[a][0].slave == slave {
			n++
		}
	}
	return n
}
