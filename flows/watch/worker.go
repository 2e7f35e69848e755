package watch

import (
	"slices"
	"time"

	"golang.org/x/net/bpf"

	"ipvd/flows"
	"ipvd/pmd"
)

// spot is a place as a worker has it.
type spot struct {
	id     uint32
	wanted bool // Ports of the filter have it
}

// Worker is one worker's part of a session in one graph. Its tables do not change
// once the graph is built.
type Worker struct {
	s    *Session
	ring *ring
	vm   *bpf.VM // nil: any frame

	inputs, outputs, stages []spot
	sets                    map[*flows.Counter]setSpot

	// Worker only.
	now   int64 // when the packets on their way were received
	by    spot  // where
	flat  []byte
	trace trace
}

// setSpot is a counter set: a spot a counter, and whether drops there are wanted
// whoever sent the packet.
type setSpot struct {
	reasons []spot
	ours    bool
}

var _ flows.Watcher = (*Worker)(nil)

// flatLen is the longest frame of several segments that a program sees whole, in
// bytes.
const flatLen = 1 << 16

// Worker makes the watcher of a worker's graph that is to be built.
func (s *Session) Worker(worker int) *Worker {
	w := &Worker{s: s, ring: s.rings[worker], sets: map[*flows.Counter]setSpot{}, flat: make([]byte, flatLen)}
	if s.cfg.Program != nil {
		w.vm, _ = bpf.NewVM(s.cfg.Program) // NewSession has tried
	}
	w.trace.left = s.id(Place{Kind: Left})
	return w
}

func (w *Worker) concerns(p pmd.Port) bool {
	ports := w.s.cfg.Ports
	return ports == nil || slices.Contains(ports, p)
}

// Input numbers an input.
func (w *Worker) Input(q pmd.RxQueue) int {
	p := Place{Kind: Received, Port: q.Port(), Queue: q.Index()}
	w.inputs = append(w.inputs, spot{w.s.id(p), w.concerns(p.Port)})
	return len(w.inputs) - 1
}

// Output numbers an output.
func (w *Worker) Output(q pmd.TxQueue) int {
	p := Place{Kind: Queued, Port: q.Port(), Queue: q.Index()}
	w.outputs = append(w.outputs, spot{w.s.id(p), w.s.cfg.Out && w.concerns(p.Port)})
	return len(w.outputs) - 1
}

// Stage numbers a stage.
func (w *Worker) Stage(name string) int {
	w.stages = append(w.stages, spot{w.s.id(Place{Kind: Entered, Stage: name}), name == w.s.cfg.Stage})
	return len(w.stages) - 1
}

// Counters notes a set, for its drops.
func (w *Worker) Counters(set *flows.CounterSet, cells []flows.Counter) {
	if len(cells) == 0 {
		return
	}
	e := setSpot{ours: slices.Contains(w.s.cfg.Sets, set)}
	drop := w.s.cfg.Drop
	for _, spec := range set.Specs {
		p := Place{Kind: Dropped, Stage: set.Name, Reason: spec.Name}
		wanted := spec.Kind == flows.Dropped && (drop == AnyReason || drop == spec.Name)
		e.reasons = append(e.reasons, spot{w.s.id(p), wanted})
	}
	w.sets[&cells[0]] = e
}

// Together is all packets, or of a trace those before the next that is wanted, or
// that one.
func (w *Worker) Together(input int, pkts []*pmd.Mbuf) int {
	if !w.s.cfg.Trace || !w.inputs[input].wanted {
		return len(pkts)
	}
	for i, m := range pkts {
		if w.accepts(m) {
			return max(i, 1)
		}
	}
	return len(pkts)
}

// Received notes where the packets come from, and copies those that are wanted.
func (w *Worker) Received(input int, pkts []*pmd.Mbuf) {
	w.by, w.now = w.inputs[input], time.Now().UnixNano()
	switch {
	case w.s.cfg.Trace:
		if w.by.wanted && len(pkts) == 1 && w.accepts(pkts[0]) {
			w.trace.begin(pkts[0], w.s.cfg.Snap)
		}
	case w.s.cfg.In && w.by.wanted:
		w.copy(w.by.id, pkts)
	}
}

// Entered adds to a trace, or copies what is wanted of a stage.
func (w *Worker) Entered(stage int, pkts []*pmd.Mbuf) {
	if e := w.stages[stage]; w.trace.on {
		w.trace.add(e.id, pkts[0])
	} else if e.wanted && w.by.wanted {
		w.copy(e.id, pkts)
	}
}

// Left adds to a trace.
func (w *Worker) Left() {
	if w.trace.on {
		w.trace.add(w.trace.left, nil)
	}
}

// Queued adds to a trace, or copies what is wanted of an output.
func (w *Worker) Queued(output int, pkts []*pmd.Mbuf) {
	if e := w.outputs[output]; w.trace.on {
		w.trace.add(e.id, pkts[0])
	} else if e.wanted {
		w.copy(e.id, pkts)
	}
}

// Dropped adds to a trace, or copies what is wanted of a drop.
func (w *Worker) Dropped(cells []flows.Counter, i int, pkts []*pmd.Mbuf) {
	set := w.sets[&cells[0]]
	if e := set.reasons[i]; w.trace.on {
		w.trace.add(e.id, pkts[0])
	} else if e.wanted && (w.by.wanted || set.ours) {
		w.copy(e.id, pkts)
	}
}

// Through ends a trace.
func (w *Worker) Through() {
	if w.trace.on {
		w.trace.end(w)
	}
}

// copy puts those of pkts that the program accepts into the ring.
func (w *Worker) copy(place uint32, pkts []*pmd.Mbuf) {
	for _, m := range pkts {
		if w.accepts(m) {
			w.record(place, m)
		}
	}
}

// accepts runs the program on a packet.
func (w *Worker) accepts(m *pmd.Mbuf) bool {
	if w.vm == nil {
		return true
	}
	b := m.Data()
	if !m.Whole() {
		n := 0
		for s := m; s != nil; s = s.Next() {
			n += copy(w.flat[n:], s.Data())
		}
		b = w.flat[:n]
	}
	n, err := w.vm.Run(b)
	return err == nil && n > 0
}

// record puts a packet into the ring.
func (w *Worker) record(place uint32, m *pmd.Mbuf) {
	n := min(m.Len(), w.s.cfg.Snap)
	h := header{time: w.now, place: place, by: w.by.id, length: uint32(m.Len()), data: uint32(n)}
	var b [headerLen]byte
	h.encode(&b)
	if !w.ring.begin(headerLen + n) {
		return
	}
	w.ring.put(b[:])
	for s := m; n > 0 && s != nil; s = s.Next() {
		part := s.Data()
		part = part[:min(len(part), n)]
		w.ring.put(part)
		n -= len(part)
	}
	w.ring.end()
}
