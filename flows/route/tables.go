package route

import (
	"net/netip"
	"slices"
)

// Route is a route of the kernel.
type Route struct {
	Table     uint32
	Dst       netip.Prefix
	TOS       uint8
	Priority  uint32
	Spec      Spec
	Elsewhere bool // it leaves by another device
}

// tables are the tables of both families. Control only.
type tables struct {
	fib *FIB
	v4  map[uint32]*table
	v6  map[uint32]*table
	// How many routes are in them that leave by the device.
	n4, n6 int
	// loading tables are published when all of them are complete.
	loading bool
}

// Load is a set of tables that is being filled, for Use to put in the place of
// those in use.
type Load struct{ tables *tables }

// Load begins with empty tables, of which workers see nothing yet.
func (f *FIB) Load() *Load {
	return &Load{&tables{fib: f, v4: map[uint32]*table{}, v6: map[uint32]*table{}, loading: true}}
}

// Add adds a route of a dump, whose routes come in the kernel's order.
func (l *Load) Add(r Route) { l.tables.add(r, Last) }

// Policy is the rules of both families, by priority, and what is done with a
// packet for which no rule has an answer.
type Policy struct {
	Rules4, Rules6 []Rule
	// OnLink sends an IPv4 packet that has no route to its destination as to a
	// neighbour, as the kernel does with a device in the key and outside of a VRF
	// (net/ipv4/route.c, ip_route_output_key_hash_rcu). Routes that refuse do not
	// stop it either.
	OnLink bool
}

// Use makes l the tables in use, with these rules.
func (f *FIB) Use(l *Load, p Policy) {
	old := f.tables
	f.tables = l.tables
	f.tables.loading = false
	for _, of := range []map[uint32]*table{f.tables.v4, f.tables.v6} {
		for _, t := range of {
			t.loaded()
		}
	}
	f.SetPolicy(p)
	if old != nil {
		old.release()
	}
}

// SetPolicy makes other rules those in use.
func (f *FIB) SetPolicy(p Policy) {
	last4 := uint32(noRouteHop)
	if p.OnLink {
		last4 = onLinkHop
	}
	v4 := f.tables.compile(p.Rules4, false, last4)
	v4.onLink = p.OnLink
	f.v4.Store(v4)
	f.v6.Store(f.tables.compile(p.Rules6, true, noRouteHop))
}

// Add adds a route, or replaces one.
func (f *FIB) Add(r Route, how How) { f.tables.add(r, how) }

// Remove takes a route away; false when it is not known.
func (f *FIB) Remove(r Route) bool { return f.tables.remove(r) }

func (s *tables) table(id uint32, v6 bool) *table {
	of := s.v4
	if v6 {
		of = s.v6
	}
	t := of[id]
	if t == nil {
		t = newTable(v6)
		t.loading = s.loading
		of[id] = t
	}
	return t
}

func (s *tables) of(r *Route) *table { return s.table(r.Table, r.Dst.Addr().Is6()) }

func (s *tables) add(r Route, how How) {
	a := alternative{priority: r.Priority, tos: r.TOS, elsewhere: r.Elsewhere}
	if !r.Elsewhere {
		a.hop = s.fib.hold(r.Spec)
	}
	if a.hop == throwHop {
		s.of(&r).throws.Store(true)
	}
	s.count(a, r.Dst.Addr().Is6(), 1)
	if was := s.of(&r).add(r.Dst.Masked(), a, how); was != nil {
		s.count(*was, r.Dst.Addr().Is6(), -1)
		s.fib.release(was.hop)
	}
}

func (s *tables) remove(r Route) bool {
	hop := uint32(0)
	if h := s.fib.holding[r.Spec.key()]; r.Spec.Kind != Forward {
		hop = fixed(r.Spec.Kind)
	} else if h != nil {
		hop = h.id
	}
	was := s.of(&r).remove(r.Dst.Masked(), func(a alternative) bool {
		return a.priority == r.Priority && a.tos == r.TOS && a.elsewhere == r.Elsewhere && (a.elsewhere || a.hop == hop)
	})
	if was == nil {
		return false
	}
	s.count(*was, r.Dst.Addr().Is6(), -1)
	s.fib.release(was.hop)
	return true
}

// release gives up the hops of tables that are no longer used.
func (s *tables) release() {
	for _, of := range []map[uint32]*table{s.v4, s.v6} {
		for _, t := range of {
			for _, e := range t.known {
				for _, a := range e.all() {
					s.fib.release(a.hop)
				}
			}
		}
	}
}

// At gives the routes to a prefix, in the kernel's order.
func (f *FIB) At(table uint32, p netip.Prefix) (all []Route) {
	if e, ok := f.tables.table(table, p.Addr().Is6()).known[p.Masked()]; ok {
		for _, a := range e.all() {
			all = append(all, f.route(table, p.Masked(), a))
		}
	}
	return all
}

func (f *FIB) route(table uint32, p netip.Prefix, a alternative) Route {
	r := Route{Table: table, Dst: p, TOS: a.tos, Priority: a.priority, Elsewhere: a.elsewhere}
	if h := f.heldBy[a.hop]; h != nil {
		r.Spec = h.spec
	} else if a.hop > onLinkHop {
		r.Spec.Kind = Kind(a.hop - onLinkHop)
	}
	return r
}

// Routes are all that are known, by table and prefix; not those that leave
// elsewhere.
func (f *FIB) Routes() (all []Route) {
	if f.tables == nil {
		return nil
	}
	for _, of := range []map[uint32]*table{f.tables.v4, f.tables.v6} {
		for id, t := range of {
			for p, e := range t.known {
				for _, a := range e.all() {
					if !a.elsewhere {
						all = append(all, f.route(id, p, a))
					}
				}
			}
		}
	}
	slices.SortFunc(all, compareRoutes)
	return all
}

func compareRoutes(a, b Route) int {
	if a.Table != b.Table {
		return int(int64(a.Table) - int64(b.Table))
	}
	if c := a.Dst.Addr().Compare(b.Dst.Addr()); c != 0 {
		return c
	}
	return a.Dst.Bits() - b.Dst.Bits()
}
