package route

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/gaissmai/bart"
)

const (
	// few is how many routes are compared one after the other; a table that has
	// more is a tree until it has fewer than half as many.
	few = 8
)

// table is a routing table of one family. Everything but what is atomic is the
// control plane's only.
type table struct {
	v6      bool
	loading bool // nothing is published before loaded is called
	known   map[netip.Prefix]entry
	seen    int      // prefixes with a hop
	at      [129]int // the same by length

	throws atomic.Bool // it has, or had, a route of kind Throw

	few4  atomic.Pointer[few4] // nil: look into the tree
	few6  atomic.Pointer[few6]
	tree4 atomic.Pointer[trie4]
	tree6 atomic.Pointer[bart.Table[uint32]]
}

func newTable(v6 bool) *table {
	t := &table{v6: v6, known: map[netip.Prefix]entry{}}
	if v6 {
		t.few6.Store(&few6{})
	} else {
		t.few4.Store(&few4{})
	}
	return t
}

// few4 is a short IPv4 table, the longest prefixes first.
type few4 struct {
	n      int
	routes [few]struct{ mask, addr, hop uint32 }
}

// few6 is a short IPv6 table.
type few6 struct {
	n      int
	routes [few]struct {
		mask, addr pair
		hop        uint32
	}
}

// find4 is the hop of the longest prefix that covers a; 0 when there is none. Any
// goroutine.
func (t *table) find4(a uint32) uint32 {
	f := t.few4.Load()
	if f == nil {
		return t.tree4.Load().find(a)
	}
	for i := 0; i < f.n && i < few; i++ {
		if r := &f.routes[i]; a&r.mask == r.addr {
			return r.hop
		}
	}
	return 0
}

// find6 does for IPv6 what find4 does for IPv4.
func (t *table) find6(a pair) uint32 {
	f := t.few6.Load()
	if f == nil {
		hop, _ := t.tree6.Load().Lookup(a.addr6())
		return hop
	}
	for i := 0; i < f.n && i < few; i++ {
		if r := &f.routes[i]; a.hi&r.mask.hi == r.addr.hi && a.lo&r.mask.lo == r.addr.lo {
			return r.hop
		}
	}
	return 0
}

// publish makes workers see what known says of p, where they saw the hop old.
func (t *table) publish(p netip.Prefix, old uint32) {
	hop := t.hop(p)
	if hop == old {
		return
	}
	if hop == 0 {
		t.at[p.Bits()]--
		t.seen--
	} else if old == 0 {
		t.at[p.Bits()]++
		t.seen++
	}
	switch isFew := t.few4.Load() != nil || t.few6.Load() != nil; {
	case t.loading:
	case t.seen <= few/2 || isFew && t.seen <= few:
		t.publishFew()
	case isFew:
		t.publishTree()
	case t.v6:
		t.change6(p, hop)
	default:
		t.change4(p, hop)
	}
}

// loaded publishes what was added while the table was loading.
func (t *table) loaded() {
	if t.loading = false; t.seen <= few {
		t.publishFew()
	} else {
		t.publishTree()
	}
}

func (t *table) change6(p netip.Prefix, hop uint32) {
	tree := t.tree6.Load()
	if hop != 0 {
		t.tree6.Store(tree.InsertPersist(p, hop))
		return
	}
	t.tree6.Store(tree.DeletePersist(p))
}

func (t *table) change4(p netip.Prefix, hop uint32) {
	tree, a := t.tree4.Load(), number4(p.Addr())
	if hop == 0 {
		tree.remove(a, p.Bits(), t.shorter)
	} else if !tree.set(a, p.Bits(), hop) {
		t.overflow()
	}
}

// overflow leaves all packets to the kernel: the tree has no room for the routes.
func (t *table) overflow() {
	all := &few4{n: 1}
	all.routes[0].hop = hostHop
	t.few4.Store(all)
}

// shorter is the hop of prefix a/n, if it is known.
func (t *table) shorter(a uint32, n int) uint32 {
	if t.at[n] == 0 {
		return 0
	}
	return t.hop(netip.PrefixFrom(addr4(a), n).Masked())
}

func (t *table) publishFew() {
	prefixes := make([]netip.Prefix, 0, few)
	for p := range t.known {
		if t.hop(p) != 0 {
			prefixes = append(prefixes, p)
		}
	}
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int { return b.Bits() - a.Bits() })
	if t.v6 {
		f := &few6{n: len(prefixes)}
		for i, p := range prefixes {
			r := &f.routes[i]
			r.addr, r.mask, r.hop = number6(p.Addr()), mask6(p.Bits()), t.hop(p)
		}
		t.few6.Store(f)
		return
	}
	f := &few4{n: len(prefixes)}
	for i, p := range prefixes {
		r := &f.routes[i]
		r.addr, r.mask, r.hop = number4(p.Addr()), mask4(p.Bits()), t.hop(p)
	}
	t.few4.Store(f)
}

func (t *table) publishTree() {
	if t.v6 {
		tree := &bart.Table[uint32]{}
		for p, e := range t.known {
			if hop := e.best(true); hop != 0 {
				tree.Insert(p, hop)
			}
		}
		t.tree6.Store(tree)
		t.few6.Store(nil)
		return
	}
	tree := newTrie4()
	for p, e := range t.known {
		if hop := e.best(false); hop != 0 && !tree.set(number4(p.Addr()), p.Bits(), hop) {
			t.overflow()
			return
		}
	}
	t.tree4.Store(tree)
	t.few4.Store(nil)
}
