package ipvlan

import "sync/atomic"

// nets is a set of IPv4 networks of 16 bits, a bit each. It tells in a few
// instructions that an address is not in a table: 8 KB, of which a worker needs what
// is about the networks that its packets are for, stay in the cache closest to it.
// Networks are never taken out; a table that grows begins with a new set.
type nets [1 << 16 / 64]uint64

// add adds the network of an address. Writer only; to be called before the address
// is published.
func (n *nets) add(a uint32) {
	w := &n[a>>22]
	atomic.StoreUint64(w, *w|1<<(a>>16&63))
}

// has reports that the network of an address is in. Any goroutine.
func (n *nets) has(a uint32) bool { return atomic.LoadUint64(&n[a>>22])&(1<<(a>>16&63)) != 0 }
