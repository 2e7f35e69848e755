package route

import (
	"net/netip"
	"sync/atomic"
)

// Index finds a neighbour's number by its address. Its Set and Delete are called
// by the control plane, while workers look addresses up without waiting.
type Index interface {
	Set(a netip.Addr, number uint32) error
	Delete(a netip.Addr) bool
}

// State is what the kernel says of a neighbour.
type State uint8

// The states.
const (
	Unknown State = iota // the kernel has not been asked, or has not had an answer yet
	Usable               // it has a MAC address that the kernel calls usable
	Failed               // it does not answer
)

// String is the state as `neigh show` has it.
func (s State) String() string { return [...]string{"unknown", "usable", "failed"}[s%3] }

const (
	macBits   = 1<<48 - 1
	usableBit = 1 << 62
	failedBit = 1 << 63
)

// Neighbour is a station on the host port's link.
type Neighbour struct {
	word atomic.Uint64 // MAC address as a frame's first word has it, and state
	used atomic.Uint32 // the tick in which a worker last sent to it; 0: none did

	addr   netip.Addr
	number pair
	// Control only.
	id   uint32 // 0: not in the index
	refs int    // hops that name it as their gateway
}

// MAC gives the neighbour's MAC address as the first six bytes of a frame to it,
// in the lower 48 bits of a little-endian word. Any goroutine.
func (n *Neighbour) MAC() (mac uint64, state State) {
	w := n.word.Load()
	switch {
	case w&usableBit != 0:
		return w & macBits, Usable
	case w&failedBit != 0:
		return 0, Failed
	}
	return 0, Unknown
}

// Hardware is the neighbour's MAC address, zero unless it is usable.
func (n *Neighbour) Hardware() (mac [6]byte, state State) {
	w, state := n.MAC()
	for i := range mac {
		mac[i] = byte(w >> (8 * i))
	}
	return mac, state
}

// Use notes that a worker sends to it in this tick. It writes once a tick.
func (n *Neighbour) Use(tick uint32) {
	if n.used.Load() != tick {
		n.used.Store(tick)
	}
}

// UsedSince reports that a worker sent to it in this tick or a later one.
func (n *Neighbour) UsedSince(tick uint32) bool {
	used := n.used.Load()
	return used != 0 && int32(used-tick) >= 0
}

func newNeighbour(a netip.Addr) *Neighbour {
	if a.Is4() {
		return &Neighbour{addr: a, number: pair{lo: uint64(number4(a))}}
	}
	return &Neighbour{addr: a, number: number6(a)}
}

// Number is the neighbour's address as two numbers, as in Query.
func (n *Neighbour) Number() (hi, lo uint64) { return n.number.hi, n.number.lo }

// Addr is the neighbour's address.
func (n *Neighbour) Addr() netip.Addr { return n.addr }

// Neighbours are those of the host port's link.
type Neighbours struct {
	index  Index
	tick   *atomic.Uint32
	epoch  *atomic.Uint32
	cells  cells[Neighbour]
	byAddr map[netip.Addr]*Neighbour
}

// At is the neighbour with a number that the index gave; nil when there is none.
// Any goroutine.
func (n *Neighbours) At(number uint32) *Neighbour { return n.cells.at(number) }

// Find is the neighbour with address a; nil when there is none. Control only.
func (n *Neighbours) Find(a netip.Addr) *Neighbour { return n.byAddr[a] }

// Set takes what the kernel says of address a. mac has six bytes when the state
// is Usable.
func (n *Neighbours) Set(a netip.Addr, state State, mac []byte) {
	nb := n.byAddr[a]
	if nb == nil {
		nb = newNeighbour(a)
		n.byAddr[a] = nb
	}
	nb.word.Store(wordOf(state, mac))
	n.epoch.Add(1)
	if nb.id != 0 {
		return
	}
	if nb.id = n.cells.put(nb, n.tick.Load()); nb.id != 0 && n.index.Set(a, nb.id) != nil {
		n.cells.free(nb.id, n.tick.Load())
		nb.id = 0
	}
}

func wordOf(state State, mac []byte) (w uint64) {
	switch {
	case state == Usable && len(mac) == 6:
		for i, b := range mac {
			w |= uint64(b) << (8 * i)
		}
		return w | usableBit
	case state == Failed:
		return failedBit
	}
	return 0
}

// Remove takes what the kernel has forgotten.
func (n *Neighbours) Remove(a netip.Addr) {
	nb := n.byAddr[a]
	if nb == nil {
		return
	}
	nb.word.Store(0)
	n.epoch.Add(1)
	if nb.id != 0 {
		n.index.Delete(a)
		n.cells.free(nb.id, n.tick.Load())
		nb.id = 0
	}
	if nb.refs == 0 {
		delete(n.byAddr, a)
	}
}

// Each yields every neighbour, in no particular order. Control only.
func (n *Neighbours) Each(yield func(*Neighbour) bool) {
	for _, nb := range n.byAddr {
		if !yield(nb) {
			return
		}
	}
}

// ref gives the neighbour with address a, for one more hop.
func (n *Neighbours) ref(a netip.Addr) *Neighbour {
	nb := n.byAddr[a]
	if nb == nil {
		nb = newNeighbour(a)
		n.byAddr[a] = nb
	}
	nb.refs++
	return nb
}

func (n *Neighbours) unref(a netip.Addr) {
	nb := n.byAddr[a]
	if nb == nil {
		return
	}
	if nb.refs--; nb.refs == 0 && nb.id == 0 {
		delete(n.byAddr, a)
	}
}
