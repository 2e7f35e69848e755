package flows

import (
	"slices"

	"ipvd/pmd"
)

// Watcher looks on while one worker runs one graph: Graph.Watch. The numbers that
// Input, Output and Stage give while the graph is built are what the other methods
// get; those are called by the worker, from within a step. They own no packet and
// must not write to one.
type Watcher interface {
	Input(q pmd.RxQueue) int
	Output(q pmd.TxQueue) int
	Stage(name string) int
	// Counters tells which set has these cells: Dropped gives the latter.
	Counters(set *CounterSet, cells []Counter)

	// Together says how many of pkts, from the first on and at least one, go through
	// the graph at a time: one, for a packet whose way is to be told from others'.
	Together(input int, pkts []*pmd.Mbuf) int
	// Received begins the way of packets, and Through ends it.
	Received(input int, pkts []*pmd.Mbuf)
	Through()
	// Entered is told when a stage gets packets, and Left when it is through with
	// them; in between it may have handed some to further stages.
	Entered(stage int, pkts []*pmd.Mbuf)
	Left()
	// Queued is told of packets that were queued for sending, before they are.
	Queued(output int, pkts []*pmd.Mbuf)
	// Dropped is told of packets that count as counter i of cells.
	Dropped(cells []Counter, i int, pkts []*pmd.Mbuf)
}

// Watch makes w look on at this graph. It comes before everything else that is
// done to the graph. A graph without a watcher has nothing of this file in it.
func (g *Graph) Watch(w Watcher) { g.watch = &watch{Watcher: w, vec: g.vec} }

// Watcher is the graph's, nil when there is none: for stages that drop.
func (g *Graph) Watcher() Watcher {
	if g.watch == nil {
		return nil
	}
	return g.watch.Watcher
}

// Watched is stage as others are to push to it: itself, unless there is a watcher
// to be told of what it gets. name is as the graph's picture calls it.
func (g *Graph) Watched(name string, stage Stage) Stage {
	if g.watch == nil {
		return stage
	}
	return &watched{*g.Telltale(name), stage}
}

// Telltale is what Watched puts in for stages with other methods than Push: its
// Enter is called before one of them, its Leave after it.
type Telltale struct {
	watch *watch
	stage int
}

// Telltale makes one for the stage that the graph's picture calls name; nil when
// there is no watcher.
func (g *Graph) Telltale(name string) *Telltale {
	if g.watch == nil {
		return nil
	}
	return &Telltale{g.watch, g.watch.Stage(name)}
}

// Enter tells that the stage gets b.
func (t *Telltale) Enter(b Burst) {
	t.watch.queued()
	t.watch.Entered(t.stage, t.watch.vec.Packets(b))
}

// Leave tells that the stage is through with it.
func (t *Telltale) Leave() {
	t.watch.queued()
	t.watch.Left()
}

// watch is what a graph has besides when there is a watcher. Worker only, once the
// graph is sealed.
type watch struct {
	Watcher
	vec   *pmd.Vector
	lists []watchedList
}

// watchedList is a TX list, of which the first seen segments have been told.
type watchedList struct {
	*pmd.SegList
	outputs []int // by slot
	seen    int
}

// queued tells of what the TX lists have got since the last call.
func (w *watch) queued() {
	for i := range w.lists {
		l := &w.lists[i]
		for l.seen < l.N {
			seg := l.Segs[l.seen]
			l.seen++
			w.Queued(l.outputs[seg.Slot], w.vec.Packets(Burst{Off: seg.Off, N: seg.N}))
		}
	}
}

// passed forgets what is in the TX lists: it has been told, or is of no concern.
func (w *watch) passed() {
	for i := range w.lists {
		w.lists[i].seen = w.lists[i].N
	}
}

// input is the stage that the packets of in go to.
func (w *watch) input(in *input) Stage {
	s := &watchedInput{watch: w, input: w.Input(in.q), next: in.next}
	if in.name != "" {
		s.next = &watched{Telltale{w, w.Stage(in.name)}, in.next}
	}
	return s
}

// output notes out, which has its slot.
func (w *watch) output(out *Output) {
	out.watch = w
	i := slices.IndexFunc(w.lists, func(l watchedList) bool { return l.SegList == out.list })
	if i < 0 {
		i = len(w.lists)
		w.lists = append(w.lists, watchedList{SegList: out.list})
	}
	l := &w.lists[i]
	for len(l.outputs) <= int(out.slot) {
		l.outputs = append(l.outputs, -1)
	}
	l.outputs[out.slot] = w.Output(out.q)
}

// watchedInput stands between a queue and the stage behind it.
type watchedInput struct {
	watch *watch
	input int
	next  Stage
}

func (s *watchedInput) Push(b Burst) {
	w := s.watch
	for b.N > 0 {
		pkts := w.vec.Packets(b)
		part := Burst{Off: b.Off, N: uint32(w.Together(s.input, pkts))}
		w.passed()
		w.Received(s.input, pkts[:part.N])
		s.next.Push(part)
		w.queued()
		w.Through()
		b.Off, b.N = b.Off+part.N, b.N-part.N
	}
}

// watched stands before a stage.
type watched struct {
	Telltale
	next Stage
}

func (s *watched) Push(b Burst) {
	s.Enter(b)
	s.next.Push(b)
	s.Leave()
}
