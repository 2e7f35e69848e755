package flows

import (
	"math/bits"
	"sync/atomic"
	"time"

	"ipvd/pmd"
)

// worker runs one copy of the graph, step after step.
type worker struct {
	id, cpu int
	vec     *pmd.Vector
	onFault func(Fault)
	ended   chan struct{} // closed when the goroutine is through

	// Worker only.
	cur         *Graph
	stepped     bool // cur has run, so it may have packets to send
	dispatching bool // stages run: what the step owns is in the vector
	stock       int  // Vector.NStock when the stages began
	given       given
	own         []Counter
	empty       int           // steps since packets were received
	armed       bool          // cur's interrupters are
	pause       time.Duration // for which the sets held in this step are left alone

	idleSteps int   // empty ones after which it sleeps
	bell      *bell // nil: the worker never sleeps

	next    atomic.Pointer[Graph] // what to run; published by the control plane
	running atomic.Pointer[Graph] // what may be running; published by the worker

	steps  atomic.Uint64 // also the epoch: it grows when a step is over, before the next one reads anything
	bursts [len(Bursts{})]Counter
	taken  Counter // packets received
	faults Counter
	sleeps Counter
	slept  Counter // ns
	late   [len(Latencies{})]Counter
}

// turn takes a new graph if there is one, and runs a step. It gives the number
// of packets received. A nil graph ends the worker: cur is nil then.
func (w *worker) turn() int {
	if w.next.Load() != w.cur {
		w.adopt()
	}
	if w.cur == nil {
		return 0
	}
	n := w.step(w.cur)
	if n > 0 {
		w.bursts[burstCell(n)].Add(1)
		w.taken.Add(uint64(n))
	}
	w.steps.Store(w.steps.Load() + 1)
	return n
}

// adopt leaves the graph that ran, after sending what it had queued, for the
// one published. It publishes that it may run a graph before it looks whether
// that is still the one to run, so that whoever withdraws a graph and then sees
// that the worker is elsewhere knows that the worker never uses it.
func (w *worker) adopt() {
	for g := w.next.Load(); g != w.cur; g = w.next.Load() {
		if w.stepped {
			w.stepped = false
			w.disarm()
			w.cur.flush()
		}
		w.running.Store(g)
		w.cur = g
	}
}

// step is one turn of the graph: what the last step queued goes out, packets
// come in, stages run.
func (w *worker) step(g *Graph) int {
	w.stepped = true
	w.given.reset()
	for _, s := range g.sets {
		s.Send()
	}
	w.vec.Reset()
	for _, s := range g.sets {
		if s.held {
			s.held, s.rx.N = false, 0
			continue
		}
		s.Receive()
	}
	w.stock, w.dispatching = w.vec.NStock, true
	if g.ordered {
		g.pushFirst()
	}
	n := 0
	for _, s := range g.sets {
		for _, seg := range s.rx.Segs[:s.rx.N] {
			n += int(seg.N)
			way := &s.ways[seg.Slot]
			if g.ordered && way.first {
				continue
			}
			if b := (Burst{Off: seg.Off, N: seg.N}); way.meter == nil {
				way.next.Push(b)
			} else { // as push does, which is not inlined
				store(way.bytes, *way.bytes+way.meter.PushMetered(b))
			}
		}
	}
	for _, s := range g.sources {
		s.run()
	}
	w.dispatching = false
	return n
}

// pushFirst pushes what the inputs have that go before the others.
func (g *Graph) pushFirst() {
	for _, s := range g.sets {
		for _, seg := range s.rx.Segs[:s.rx.N] {
			if way := &s.ways[seg.Slot]; way.first {
				way.push(Burst{Off: seg.Off, N: seg.N})
			}
		}
	}
}

// WorkerInfo is what a worker has done.
type WorkerInfo struct {
	Worker int    // its number in the system
	CPU    int    // -1: not pinned
	Steps  uint64 // turns of its loop
	Busy   uint64 // steps that received packets
	Faults uint64 // panics of stages
	// Packets is how many the steps received, and Bursts how many at a time.
	Packets uint64
	Bursts  Bursts

	// Of a worker that may sleep (Config.IdleSteps).
	Sleeps uint64
	Slept  time.Duration // in all, and
	Ran    time.Duration // since it was made, sleeps included
	// Wake is how long after it was due the worker ran again: when a timer had
	// expired, which limits all sleeps, or when the control plane woke it. For
	// packets nobody knows: no driver says when one came.
	Wake Latencies
}

func (w *worker) info() WorkerInfo {
	i := WorkerInfo{Worker: w.id, CPU: w.cpu, Steps: w.steps.Load(), Faults: w.faults.Load(), Packets: w.taken.Load(),
		Sleeps: w.sleeps.Load(), Slept: time.Duration(w.slept.Load())}
	if w.bell != nil {
		i.Ran = w.bell.now()
	}
	for c := range w.bursts {
		i.Bursts[c] = w.bursts[c].Load()
		i.Busy += i.Bursts[c]
	}
	for c := range w.late {
		i.Wake[c] = w.late[c].Load()
	}
	return i
}

// Bursts counts steps by the number of packets that they received: cell i those
// with at most 1<<i packets that are in no cell before it, the last cell all others.
type Bursts [16]uint64

// burstCell is the cell of Bursts for n packets, at least one.
func burstCell(n int) int { return min(bits.Len(uint(n-1)), len(Bursts{})-1) }
