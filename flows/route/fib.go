package route

import (
	"net/netip"
	"sync/atomic"
)

// TicksPerSecond is how often the control plane calls Tick.
const TicksPerSecond = 4

// FIB is all that is known of the routing of one namespace by one device.
type FIB struct {
	Neighbours Neighbours

	v4, v6 atomic.Pointer[program]
	hops   cells[Hop]
	tick   atomic.Uint32
	epoch  atomic.Uint32
	queues queues
	source atomic.Pointer[Sources]

	// Control only.
	tables  *tables
	holding map[specKey]*held
	heldBy  map[uint32]*held
}

// Sources are the host port's addresses from which errors are sent; zero: it has
// none of this family.
type Sources struct {
	V4 uint32
	V6 [16]byte
}

// New makes a FIB that leaves every packet to the kernel until tables are used.
// index is for its neighbours.
func New(index Index) *FIB {
	f := &FIB{holding: map[specKey]*held{}, heldBy: map[uint32]*held{}}
	f.Neighbours = Neighbours{index: index, tick: &f.tick, epoch: &f.epoch, byAddr: map[netip.Addr]*Neighbour{}}
	for k := Forward; k <= Throw; k++ {
		f.hops.put(&Hop{Kind: k}, 0) // gets the number fixed(k)
	}
	f.queues.init()
	f.Tick() // no tick is 0
	f.Suspend()
	f.SetSources(Sources{})
	return f
}

// Suspend leaves every packet to the kernel until tables are used again.
func (f *FIB) Suspend() {
	all := &program{last: hostHop, straight: true}
	f.v4.Store(all)
	f.v6.Store(all)
}

// SetSources says from which addresses errors are sent.
func (f *FIB) SetSources(s Sources) { f.source.Store(&s) }

// Sources gives what SetSources was told last. Any goroutine.
func (f *FIB) Sources() *Sources { return f.source.Load() }

// Tick is to be called TicksPerSecond times a second: it is the workers' clock.
func (f *FIB) Tick() {
	f.tick.Add(1)
	f.epoch.Add(1)
}

// Epoch changes after a hop or a neighbour has, and with every tick: what a worker
// remembers of them holds as long as it is the same. Any goroutine.
func (f *FIB) Epoch() uint32 { return f.epoch.Load() }

// Now is the number of ticks so far. Any goroutine.
func (f *FIB) Now() uint32 { return f.tick.Load() }

func (f *FIB) now() uint32 { return f.tick.Load() }

// Lookup4 gives the hop of an IPv4 packet, never nil. Any goroutine.
func (f *FIB) Lookup4(src, dst uint32, tos uint8) *Hop {
	return f.Path(f.hops.at(f.v4.Load().find4(src, dst, tos)), src, dst)
}

// Lookup6 gives the hop of an IPv6 packet, never nil. Any goroutine.
func (f *FIB) Lookup6(q *Query) *Hop {
	h := f.hops.at(f.v6.Load().find6(q))
	if h.paths == nil {
		return h
	}
	return h.pick(f.queues.hash(q.SrcHi^q.DstHi, q.SrcLo^q.DstLo^uint64(q.Label)))
}

// Get is Lookup4 or Lookup6, by the addresses' family.
func (f *FIB) Get(src, dst netip.Addr, tos uint8) *Hop {
	if dst.Is4() {
		return f.Lookup4(number4(src), number4(dst), tos)
	}
	s, d := number6(src), number6(dst)
	return f.Lookup6(&Query{SrcHi: s.hi, SrcLo: s.lo, DstHi: d.hi, DstLo: d.lo, TOS: tos})
}

// find4 is the number of a packet's hop.
func (p *program) find4(src, dst uint32, tos uint8) (hop uint32) {
	for i := 0; uint(i) < uint(len(p.rules)); i++ {
		r := &p.rules[i]
		if !r.always && !r.selects(&Query{SrcLo: uint64(src), DstLo: uint64(dst), TOS: tos}) {
			continue
		}
		switch r.action {
		case Lookup:
			hop = r.table.find4(dst)
		case Refuse:
			hop = r.refusal
		case GoTo:
			i = r.next - 1
			continue
		default:
			continue
		}
		switch {
		case hop == 0 || hop == throwHop:
		case p.onLink && refuses(hop):
			return p.last
		default:
			return hop
		}
	}
	return p.last
}

// find6 is the number of an IPv6 packet's hop.
func (p *program) find6(q *Query) (hop uint32) {
	for i := 0; uint(i) < uint(len(p.rules)); i++ {
		r := &p.rules[i]
		if !r.always && !r.selects(q) {
			continue
		}
		switch r.action {
		case Lookup:
			hop = r.table.find6(pair{q.DstHi, q.DstLo})
		case Refuse:
			hop = r.refusal
		case GoTo:
			i = r.next - 1
			continue
		default:
			continue
		}
		if hop != 0 && hop != throwHop {
			return hop
		}
	}
	return p.last
}
