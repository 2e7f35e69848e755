package flows

import (
	"runtime"
	"runtime/debug"

	"ipvd/pmd"
)

// Fault is a panic of a stage, or of a poll set, that a worker has survived.
type Fault struct {
	Worker int
	Value  any    // what was given to panic
	Stack  []byte // where
	Freed  int    // packets of the step that were freed, counted as drops by `panic`
}

// given remembers what left the worker in the middle of a step, because a list
// was full, so that a later panic in the same step does not free it again.
type given struct {
	vec  *pmd.Vector
	pkts []*pmd.Mbuf
	n    int
	lost bool // pkts was too short: nothing is known of the step any more
}

func (g *given) reset() { g.n, g.lost = 0, false }

// note remembers the packets of a TX list and of the vector's Free list, which
// Flush and Overflow are about to give up.
func (g *given) note(l *pmd.SegList) {
	for _, seg := range l.Segs[:l.N] {
		g.add(g.vec.Packets(Burst{Off: seg.Off, N: seg.N}))
	}
	g.add(g.vec.Free[:g.vec.NFree])
}

func (g *given) add(ms []*pmd.Mbuf) {
	g.n += copy(g.pkts[g.n:], ms)
	g.lost = g.lost || g.n == len(g.pkts)
}

// init makes g remember what leaves v in the middle of a step, what v frees when
// its Free list overflows included.
func (g *given) init(v *pmd.Vector) {
	g.vec, g.pkts = v, make([]*pmd.Mbuf, 2*len(v.Pkts))
	free, none := v.Overflow, &pmd.SegList{}
	v.Overflow = func(v *pmd.Vector) {
		g.note(none)
		free(v)
	}
}

// loop runs turns until the worker has been given no graph.
func (w *worker) loop() {
	for !w.turns() {
		// Others run before the next step, even if every step panics.
		runtime.Gosched()
	}
}

// turns reports whether the worker is through; it is not after a panic. The
// recover stands around the loop so that a step pays nothing for it.
func (w *worker) turns() (through bool) {
	defer func() {
		if v := recover(); v != nil {
			w.salvage(v)
		}
	}()
	for {
		n := w.turn()
		if w.cur == nil {
			return true
		}
		if w.bell != nil {
			w.rest(n)
		}
	}
}

// salvage makes the worker ready for the next step after a panic.
func (w *worker) salvage(value any) {
	f := Fault{Worker: w.id, Value: value, Stack: debug.Stack()}
	if w.dispatching {
		w.dispatching = false
		f.Freed = w.freeInFlight()
		w.own[cntPanic].Add(uint64(f.Freed))
	} else if w.cur != nil {
		w.abandon()
	}
	w.faults.Add(1)
	w.steps.Store(w.steps.Load() + 1)
	if w.onFault != nil {
		w.onFault(f)
	}
}

// abandon forgets the lists of an exchange that a poll set broke off: what they
// hold may be gone already, and freeing it again would be worse than losing it.
func (w *worker) abandon() {
	w.vec.Reset()
	for _, s := range w.cur.sets {
		s.TxList().N = 0
	}
}

// freeInFlight gives up the references that the broken step owned: those of the
// packets in the vector, and of mbufs taken from the stock, that it had neither
// queued nor dropped. It gives their number.
func (w *worker) freeInFlight() int {
	v := w.vec
	if w.given.lost {
		return 0
	}
	flights := v.Pkts[:v.N]
	skip := map[*pmd.Mbuf]bool{} // gone, done, or further segments of a packet
	for _, m := range w.given.pkts[:w.given.n] {
		skip[m] = true
	}
	if w.given.n == 0 && v.NStock < w.stock {
		// With packets gone, a taken mbuf may be a segment of one of them.
		flights = append(flights[:len(flights):len(flights)], v.Stock[v.NStock:w.stock]...)
	}
	for _, m := range flights {
		for s := m; !skip[m] && s.Next() != nil; s = s.Next() {
			skip[s.Next()] = true
		}
	}
	away := w.givenAway()
	freed := 0
	for _, m := range flights {
		if skip[m] {
			continue
		}
		skip[m] = true
		for n := m.Refs() - away[m]; n > 0; n-- {
			v.Drop(m)
			freed++
		}
	}
	return freed
}

// givenAway counts the references in the TX lists and in the vector's Free list.
func (w *worker) givenAway() map[*pmd.Mbuf]int {
	refs := map[*pmd.Mbuf]int{}
	for _, s := range w.cur.sets {
		l := s.TxList()
		for _, seg := range l.Segs[:l.N] {
			for _, m := range w.vec.Packets(Burst{Off: seg.Off, N: seg.N}) {
				refs[m]++
			}
		}
	}
	for _, m := range w.vec.Free[:w.vec.NFree] {
		refs[m]++
	}
	return refs
}
