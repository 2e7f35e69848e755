package route

import (
	"cmp"
	"net/netip"
	"slices"
)

// How says where a route comes among those of its prefix, traffic class and
// priority.
type How uint8

// The ways, by the flags of netlink(7).
const (
	First   How = iota // NLM_F_CREATE: before the others
	Last               // NLM_F_APPEND: behind them
	Replace            // NLM_F_REPLACE: in the place of the first, if there is one
)

// alternative is a route of a prefix.
type alternative struct {
	hop       uint32
	priority  uint32
	tos       uint8
	elsewhere bool // it leaves by another device
}

// entry is the routes of one prefix in the order in which the kernel tries them:
// nearly always one.
type entry struct {
	alternative
	more *[]alternative
}

func (e entry) all() []alternative {
	if e.more == nil {
		return []alternative{e.alternative}
	}
	return append([]alternative{e.alternative}, *e.more...)
}

func newEntry(all []alternative) entry {
	e := entry{alternative: all[0]}
	if len(all) > 1 {
		more := slices.Clone(all[1:])
		e.more = &more
	}
	return e
}

// hop is what workers see of prefix p: 0 for nothing.
func (t *table) hop(p netip.Prefix) uint32 {
	e, ok := t.known[p]
	if !ok {
		return 0
	}
	return e.best(t.v6)
}

// best is the hop that counts. IPv4 takes the first route that leaves by the host
// port (net/ipv4/fib_trie.c, fib_table_lookup, with a device in the key). IPv6
// takes the best priority whatever the device, and prefers the device among equals
// (net/ipv6/route.c, find_rr_leaf): where that leaves a choice, the kernel makes
// it, and so it does with routes for a traffic class.
func (e entry) best(v6 bool) uint32 {
	if e.more == nil && !e.elsewhere && e.tos == 0 {
		return e.hop
	}
	found, n := uint32(0), 0
	for _, a := range e.all() {
		switch {
		case a.tos != 0:
			return hostHop
		case v6 && a.priority != e.priority:
			continue
		case !a.elsewhere && n == 0:
			found, n = a.hop, 1
		case !a.elsewhere:
			n++
		}
	}
	if v6 && n != 1 {
		return hostHop
	}
	return found
}

// order is that of the kernel: the higher traffic class, then the lower priority
// first (net/ipv4/fib_trie.c, fib_find_alias).
func order(a, b alternative) int {
	return cmp.Or(cmp.Compare(b.tos, a.tos), cmp.Compare(a.priority, b.priority))
}

// add puts a among the routes of p. It gives the one that it replaced.
func (t *table) add(p netip.Prefix, a alternative, how How) (replaced *alternative) {
	old := t.hop(p)
	e, ok := t.known[p]
	if !ok {
		t.known[p] = entry{alternative: a}
		t.publish(p, old)
		return nil
	}
	all := e.all()
	i, equal := slices.BinarySearchFunc(all, a, order)
	switch {
	case equal && how == Replace:
		was := all[i]
		replaced, all[i] = &was, a
	case how == Last:
		for i < len(all) && order(all[i], a) == 0 {
			i++
		}
		all = slices.Insert(all, i, a)
	default:
		all = slices.Insert(all, i, a)
	}
	t.known[p] = newEntry(all)
	t.publish(p, old)
	return replaced
}

// remove takes the first route of p away for which is holds, and gives it; nil
// when there is none.
func (t *table) remove(p netip.Prefix, is func(alternative) bool) *alternative {
	e, ok := t.known[p]
	if !ok {
		return nil
	}
	all := e.all()
	i := slices.IndexFunc(all, is)
	if i < 0 {
		return nil
	}
	old, was := e.best(t.v6), all[i]
	if all = slices.Delete(all, i, i+1); len(all) == 0 {
		delete(t.known, p)
	} else {
		t.known[p] = newEntry(all)
	}
	t.publish(p, old)
	return &was
}
