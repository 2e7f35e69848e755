package flows

import "sync/atomic"

// Kind says what a counter means in the account: received + copied = delivered
// + dropped.
type Kind uint8

const (
	Info    Kind = iota // not part of the account
	In                  // packets that came to be: received, generated
	Copied              // further references to a packet, made by a replicate stage
	Out                 // packets that a port accepted
	Dropped             // packets dropped; the counter's name is the reason
)

// CounterSpec names a counter of a set.
type CounterSpec struct {
	Name string // a drop reason, as in `no_route`, or what is counted
	Kind Kind
}

// Counter has one writer, its worker, and any number of readers.
type Counter struct{ n uint64 }

// Add adds n. Worker only. A reader sees it soon, and not in order with what else the
// worker writes.
func (c *Counter) Add(n uint64) { store(&c.n, c.n+n) }

// Load reads the counter from any goroutine.
func (c *Counter) Load() uint64 { return atomic.LoadUint64(&c.n) }

// CounterSet is a group of counters of one stage or slave, with cells for each
// worker. It outlives graphs: a graph built later goes on counting in it.
type CounterSet struct {
	Name  string // e.g. `eth0/classify`, `eth0/ipvl0`
	Specs []CounterSpec
	cells [][]Counter // by worker
}

// NewCounterSet makes a set for workers 0 to workers-1.
func NewCounterSet(name string, workers int, specs []CounterSpec) *CounterSet {
	s := &CounterSet{Name: name, Specs: specs, cells: make([][]Counter, workers)}
	for i := range s.cells {
		// A cache line of slack on both sides keeps workers apart.
		s.cells[i] = make([]Counter, len(specs)+16)[8 : 8+len(specs) : 8+len(specs)]
	}
	return s
}

// Worker gives worker w's counters, in the order of Specs.
func (s *CounterSet) Worker(w int) []Counter { return s.cells[w] }

// Load is counter i summed over all workers.
func (s *CounterSet) Load(i int) uint64 {
	var n uint64
	for _, c := range s.cells {
		n += c[i].Load()
	}
	return n
}

// Total is the sum of all counters of a kind.
func (s *CounterSet) Total(k Kind) uint64 {
	var n uint64
	for i, spec := range s.Specs {
		if spec.Kind == k {
			n += s.Load(i)
		}
	}
	return n
}

// loadAll is all counters of the set, summed over all workers.
func (s *CounterSet) loadAll() []uint64 {
	all := make([]uint64, len(s.Specs))
	for i := range all {
		all[i] = s.Load(i)
	}
	return all
}

// The framework's own counters, in the order of ownSpecs.
const (
	cntGenerated = iota
	cntCopied
	cntStopped
	cntBadVerdict
	cntVectorFull
	cntNoMbuf
	cntPanic
)

// ownSpecs names what the verbs and the workers count, in the set `flows`.
func ownSpecs() []CounterSpec {
	return []CounterSpec{
		cntGenerated:  {"generated", In},
		cntCopied:     {"copied", Copied},
		cntStopped:    {"stopped", Dropped},
		cntBadVerdict: {"bad_verdict", Dropped},
		cntVectorFull: {"vector_full", Dropped},
		cntNoMbuf:     {"no_mbuf", Dropped},
		cntPanic:      {"panic", Dropped},
	}
}
