package route

import (
	"fmt"
	"net/netip"
	"strings"
)

// Kind is what a route says of a packet.
type Kind uint8

// The kinds.
const (
	Forward     Kind = iota // to a neighbour on the host port's link
	Host                    // the kernel decides
	NoRoute                 // nothing is known of the destination
	Blackhole               // dropped without a word
	Unreachable             // dropped, and the sender is told
	Prohibit                // dropped, and the sender is told that it was forbidden
	Throw                   // this table says nothing; on with the next rule
)

// String is the kind in the words of ip(8).
func (k Kind) String() string {
	if int(k) < len(kindWords()) {
		return kindWords()[k]
	}
	return fmt.Sprintf("unknown(%d)", uint8(k))
}

func kindWords() []string {
	return []string{Forward: "unicast", Host: "host", NoRoute: "none", Blackhole: "blackhole",
		Unreachable: "unreachable", Prohibit: "prohibit", Throw: "throw"}
}

// Path is one next hop of several.
type Path struct {
	Via    netip.Addr // zero: the destination itself is on the link
	Weight uint32     // 1 to 256
}

// Spec is what a route says, for the control plane.
type Spec struct {
	Kind  Kind
	MTU   uint32     // of the route in bytes (RTAX_MTU); 0: the device's
	Via   netip.Addr // the gateway; zero: the destination itself is on the link
	Paths []Path     // in place of Via when there are several
}

// String is the spec as `ip route` words it.
func (s Spec) String() string {
	var words []string
	if s.Kind != Forward {
		words = append(words, s.Kind.String())
	}
	if s.Via.IsValid() {
		words = append(words, "via", s.Via.String())
	}
	for _, p := range s.Paths {
		words = append(words, "nexthop")
		if p.Via.IsValid() {
			words = append(words, "via", p.Via.String())
		}
		words = append(words, "weight", fmt.Sprint(p.Weight))
	}
	if s.MTU != 0 {
		words = append(words, "mtu", fmt.Sprint(s.MTU))
	}
	if len(words) == 0 {
		return "on link"
	}
	return strings.Join(words, " ")
}

// specKey is a Spec that can be compared.
type specKey struct {
	kind  Kind
	mtu   uint32
	via   netip.Addr
	paths string
}

func (s *Spec) key() specKey {
	k := specKey{kind: s.Kind, mtu: s.MTU, via: s.Via}
	if len(s.Paths) > 0 {
		k.paths = fmt.Sprint(s.Paths)
	}
	return k
}

// Equal reports that two routes say the same.
func (s Spec) Equal(o Spec) bool { return s.key() == o.key() }

// Hop is a Spec as workers use it. It never changes.
type Hop struct {
	Kind Kind
	MTU  uint32     // in bytes; 0: the device's
	Via  *Neighbour // nil: the neighbour is the packet's destination

	paths []path
}

// path is the share of a next hop: the hashes up to its bound and above that of
// the one before it (RFC 2992, hash threshold).
type path struct {
	upTo uint32
	hop  *Hop
}

// Several reports that packets of different flows take different ways.
func (h *Hop) Several() bool { return h.paths != nil }

// pick is the hop for a flow with this hash.
func (h *Hop) pick(hash uint32) *Hop {
	if h.paths == nil {
		return h
	}
	for i := range h.paths {
		if hash <= h.paths[i].upTo {
			return h.paths[i].hop
		}
	}
	return h.paths[len(h.paths)-1].hop
}

// Numbers of hops that every FIB has: on link, and one for each kind that needs
// no more.
const (
	onLinkHop = 1 + iota
	hostHop
	noRouteHop
	blackholeHop
	unreachableHop
	prohibitHop
	throwHop
)

// fixed is the number of a kind's hop.
func fixed(k Kind) uint32 { return onLinkHop + uint32(k) }

// refuses reports a hop by which nothing is forwarded.
func refuses(number uint32) bool { return number >= noRouteHop && number <= prohibitHop }

// held is a hop that routes refer to. Control only.
type held struct {
	id   uint32
	refs int
	spec Spec
}

// hold gives the number of the hop that s describes, for one more route.
func (f *FIB) hold(s Spec) uint32 {
	if s.Kind != Forward {
		return fixed(s.Kind)
	}
	k := s.key()
	h := f.holding[k]
	if h == nil {
		h = &held{spec: s}
		if h.id = f.hops.put(f.newHop(s), f.now()); h.id == 0 {
			return hostHop // every number is in use: the kernel decides
		}
		f.epoch.Add(1) // the number may have been another hop's
		f.holding[k], f.heldBy[h.id] = h, h
	}
	h.refs++
	return h.id
}

// release gives up one reference to a hop.
func (f *FIB) release(id uint32) {
	h := f.heldBy[id]
	if h == nil {
		return
	}
	if h.refs--; h.refs > 0 {
		return
	}
	delete(f.holding, h.spec.key())
	delete(f.heldBy, id)
	f.hops.free(id, f.now())
	for _, a := range h.spec.gateways() {
		f.Neighbours.unref(a)
	}
}

func (s *Spec) gateways() (all []netip.Addr) {
	if s.Via.IsValid() {
		all = append(all, s.Via)
	}
	for _, p := range s.Paths {
		if p.Via.IsValid() {
			all = append(all, p.Via)
		}
	}
	return all
}

func (f *FIB) newHop(s Spec) *Hop {
	h := &Hop{Kind: s.Kind, MTU: s.MTU}
	if s.Via.IsValid() {
		h.Via = f.Neighbours.ref(s.Via)
	}
	var total, sum uint64
	for _, p := range s.Paths {
		total += uint64(p.Weight)
	}
	for _, p := range s.Paths {
		sum += uint64(p.Weight)
		one := &Hop{Kind: s.Kind, MTU: s.MTU}
		if p.Via.IsValid() {
			one.Via = f.Neighbours.ref(p.Via)
		}
		h.paths = append(h.paths, path{upTo: uint32(sum*(1<<32)/max(total, 1) - 1), hop: one})
	}
	return h
}
