package pattern

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
)

// Order is in which order a sender takes the addresses of a set. The zero value
// is one after the other, from the first on again after the last.
type Order struct {
	random bool
	zipf   float64 // exponent; 0: not Zipf
}

// zipfDefault is the exponent of `zipf`: close to what is seen of popular
// destinations, and above the 1 that the generator needs.
const zipfDefault = 1.1

// ParseOrder reads `sequential`, `random` (all alike), `zipf` or `zipf:1.3`:
// address k, counted from 1, is drawn in proportion to 1/k^exponent.
func ParseOrder(s string) (Order, error) {
	switch s {
	case "sequential":
		return Order{}, nil
	case "random":
		return Order{random: true}, nil
	case "zipf":
		return Order{zipf: zipfDefault}, nil
	}
	if e, ok := strings.CutPrefix(s, "zipf:"); ok {
		if v, err := strconv.ParseFloat(e, 64); err == nil && v > 1 && v <= 10 {
			return Order{zipf: v}, nil
		}
		return Order{}, fmt.Errorf("order %q: want an exponent above 1, 10 at most, such as zipf:1.1", s)
	}
	return Order{}, fmt.Errorf("order %q: want sequential, random, zipf or zipf:EXPONENT", s)
}

// String writes the order as ParseOrder reads it.
func (o Order) String() string {
	switch {
	case o.random:
		return "random"
	case o.zipf != 0:
		return "zipf:" + strconv.FormatFloat(o.zipf, 'g', -1, 64)
	}
	return "sequential"
}

// Cursor takes addresses from a set, without allocating. One goroutine.
type Cursor struct {
	set  *Set
	next uint64
	rng  *rand.Rand
	zipf *rand.Zipf
}

// NewCursor begins at the first address of set, which must have some. The same
// seed draws the same addresses.
func NewCursor(set *Set, o Order, seed uint64) *Cursor {
	c := &Cursor{set: set}
	if o.random || o.zipf != 0 {
		c.rng = rand.New(rand.NewPCG(seed, 0))
	}
	if o.zipf != 0 {
		c.zipf = rand.NewZipf(c.rng, o.zipf, 1, set.n-1)
	}
	return c
}

// Next is the next address.
func (c *Cursor) Next() netip.Addr {
	switch {
	case c.zipf != nil:
		return c.set.At(c.zipf.Uint64())
	case c.rng != nil:
		return c.set.At(c.rng.Uint64N(c.set.n))
	}
	i := c.next
	if c.next++; c.next == c.set.n {
		c.next = 0
	}
	return c.set.At(i)
}
