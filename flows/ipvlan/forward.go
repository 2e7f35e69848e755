package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/route"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// forwarder is egress of l3 by what is known of the host's routing: a packet gets the
// MAC addresses of its next hop and goes to the wire, as the kernel's output path
// would send it, with its TTL unchanged. Packets that are odd, and those for the
// host, take the way of egressL3.
type forwarder struct {
	*egressL3
	fib    *route.FIB
	onLink *Table // neighbours by address
	mtu    uint32 // of wire and host port, in bytes
	errors errorMaker

	// Of the burst that is being routed.
	from   int
	slave  []flows.Counter
	tick   uint32
	routes route.Burst4
	memo   memo
}

func newForwarder(e *egressL3, m *Master) *forwarder {
	f := &forwarder{egressL3: e, fib: m.Routing.FIB, onLink: m.Routing.Neighbours, mtu: uint32(m.MTU)}
	f.errors = newErrorMaker(e.plane, f.fib)
	return f
}

func (f *forwarder) push(from int, in *ingress, b flows.Burst) (bytes uint64) {
	f.from, f.slave, f.in, f.tick = from, f.slaves[from].counters, in, f.fib.Now()
	odd, least := f.decide(f.vec.Packets(b))
	var groups []flows.Group
	if odd == 0 {
		groups, bytes = f.sortAll(b, toWire)
	} else {
		groups, bytes = f.sort(b, least)
	}
	for _, g := range groups {
		if g.Verdict == toRouter {
			f.router.Push(g.Burst)
			continue
		}
		f.deliver(g, f.slave)
	}
	return bytes
}

// decide gives every packet its verdict, in f.sift, and the number of those that had to
// be looked at alone: the others leave by the wire. least is for sort.
func (f *forwarder) decide(pkts []*pmd.Mbuf) (odd int, least uint32) {
	note := func(i int, v flows.Verdict, length int) {
		odd++
		least = max(least, f.sift.note(i, pkts[i], length, v))
	}
	for i := 0; i < len(pkts); {
		end, near := f.read4(pkts, i)
		if end > i {
			f.find4(pkts, i, end, near)
		}
		for i = f.leave(pkts, i, end); i < end; i = f.leave(pkts, i+1, end) {
			length := pkts[i].Len()
			note(i, f.plain(&pkts[i], i), length)
		}
		if i < len(pkts) {
			length := pkts[i].Len()
			note(i, f.unread(&pkts[i]), length)
			i++
		}
	}
	return odd, least
}

// find4 finds the hops of the plain packets from place i to end; near says that some may
// be for siblings.
func (f *forwarder) find4(pkts []*pmd.Mbuf, i, end int, near bool) {
	f.fib.Find4(&f.routes, i, end, func(i, end int) { f.sources(pkts, i, end) })
	if near {
		f.markSiblings(i, end)
	}
	f.memo.renew(f.fib.Epoch())
}

// unread decides about a packet that ingress may not have seen.
func (f *forwarder) unread(slot **pmd.Mbuf) flows.Verdict {
	if r, ok := f.in.admitted(slot); !ok {
		return toDrop + flows.Verdict(r)
	}
	return f.other(slot)
}

// plain decides about a packet that read4 has read and whose route was found.
func (f *forwarder) plain(slot **pmd.Mbuf, i int) flows.Verdict {
	dst, number := f.routes.Dst[uint8(i)], f.routes.Hop[uint8(i)]
	switch number {
	case siblingHop:
		return f.sibling(slot, dst)
	case 0:
		number = f.fib.Otherwise()
	}
	h := f.fib.Hop(number)
	f.memo.note(number, h, f.limit(h)+wire.EthernetLen, f.tick)
	h, to := f.fib.Path(h, wire.IPv4((*slot).Data()[wire.EthernetLen:]).Src(), dst), target{lo: uint64(dst)}
	return f.rare(slot, h, f.neighbour(h, to), to)
}

// sibling decides about a packet to a sibling's address.
func (f *forwarder) sibling(slot **pmd.Mbuf, dst uint32) flows.Verdict {
	id, ok := f.table.Lookup4(dst)
	switch {
	case !ok: // it has lost the address since
		return f.other(slot)
	case f.flag == Private:
		return toDrop + flows.Verdict(PrivateSibling)
	}
	return f.local(f.slaveVerdict(id), *slot)
}

// limit is how long a packet may be that takes hop h, in bytes.
func (f *forwarder) limit(h *route.Hop) uint32 {
	if h.MTU != 0 && h.MTU < f.mtu {
		return h.MTU
	}
	return f.mtu
}

// other decides about a packet of any kind.
func (f *forwarder) other(slot **pmd.Mbuf) flows.Verdict {
	m := *slot
	frame := wire.Ethernet(m.Data())
	v := f.verdict(frame, m)
	if v != toRouter {
		return v
	}
	if frame.Type() == wire.TypeIPv4 {
		p := wire.IPv4(frame.Payload())
		if !routable4(p) || !cut(m, p.TotalLen()) {
			return toRouter
		}
		h, to := f.fib.Lookup4(p.Src(), p.Dst(), p.TOS()), target{lo: uint64(p.Dst())}
		return f.rare(slot, h, f.neighbour(h, to), to)
	}
	p := wire.IPv6(frame.Payload())
	if !routable6(p) || !cut(m, wire.IPv6Len+p.PayloadLen()) {
		return toRouter
	}
	to := target{v6: true}
	q := route.Query{TOS: p.TrafficClass(), Proto: p.Next(), Label: p.FlowLabel()}
	q.SrcHi, q.SrcLo = p.Src()
	q.DstHi, q.DstLo = p.Dst()
	to.hi, to.lo = q.DstHi, q.DstLo
	h := f.fib.Lookup6(&q)
	return f.rare(slot, h, f.neighbour(h, to), to)
}

// target is an address as numbers.
type target struct {
	hi, lo uint64
	v6     bool
}

// neighbour is whom a packet to this address is sent to that takes hop h; nil
// when nothing is known of it.
func (f *forwarder) neighbour(h *route.Hop, to target) *route.Neighbour {
	if h.Via != nil {
		return h.Via
	}
	var id uint32
	var ok bool
	if to.v6 {
		id, ok = f.onLink.Lookup6(to.hi, to.lo)
	} else {
		id, ok = f.onLink.Lookup4(uint32(to.lo))
	}
	if !ok {
		return nil
	}
	return f.fib.Neighbours.At(id)
}

// rare decides about an IP packet to this address by its hop and its neighbour,
// which may be nil.
func (f *forwarder) rare(slot **pmd.Mbuf, h *route.Hop, n *route.Neighbour, to target) flows.Verdict {
	if h.Kind != route.Forward {
		return f.refuse(*slot, h.Kind)
	}
	if limit := f.limit(h); (*slot).Longest() > int(limit)+wire.EthernetLen {
		return f.tooLong(*slot, limit)
	}
	state, mac := route.Unknown, uint64(0)
	if n != nil {
		mac, state = n.MAC()
	}
	if state != route.Usable {
		return f.resolve(*slot, n, state, to)
	}
	m := f.vec.Writable(*slot)
	if m == nil {
		return toDrop + flows.Verdict(NoMbuf)
	}
	*slot = m
	n.Use(f.tick)
	readdressTo(m.Data(), mac, f.macWord)
	return toWire
}

// refuse decides about a packet that is not forwarded.
func (f *forwarder) refuse(m *pmd.Mbuf, k route.Kind) flows.Verdict {
	switch k {
	case route.Host:
		return f.onward(wire.Ethernet(m.Data()), m)
	case route.Blackhole:
		return toDrop + flows.Verdict(RouteBlackhole)
	case route.Unreachable:
		f.errors.tell(f.from, m, hostUnreachable, 0)
		return toDrop + flows.Verdict(RouteUnreachable)
	case route.Prohibit:
		f.errors.tell(f.from, m, prohibited, 0)
		return toDrop + flows.Verdict(RouteProhibited)
	}
	f.errors.tell(f.from, m, netUnreachable, 0)
	return toDrop + flows.Verdict(NoRoute)
}

// tooLong decides about a packet over the limit. The host's kernel fragments what
// may be.
func (f *forwarder) tooLong(m *pmd.Mbuf, limit uint32) flows.Verdict {
	frame := wire.Ethernet(m.Data())
	if frame.Type() == wire.TypeIPv4 && !wire.IPv4(frame.Payload()).DontFragment() {
		return toRouter
	}
	f.errors.tell(f.from, m, tooBig, limit)
	return toDrop + flows.Verdict(L3TooBig)
}

// resolve lets the host's kernel find a neighbour: it is given the packet, as long
// as it has room to keep it until then.
func (f *forwarder) resolve(m *pmd.Mbuf, n *route.Neighbour, state route.State, to target) flows.Verdict {
	if n != nil {
		to.hi, to.lo = n.Number()
	}
	switch {
	case f.fib.Queue(to.hi, to.lo, state):
		return toRouter
	case state == route.Failed:
		f.errors.tell(f.from, m, addrUnreachable, 0)
		return toDrop + flows.Verdict(NeighbourFailed)
	}
	return toDrop + flows.Verdict(NeighbourQueue)
}
