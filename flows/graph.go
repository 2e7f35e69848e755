package flows

import (
	"fmt"
	"slices"

	"ipvd/pmd"
)

// Build makes one worker's copy of a graph. It is called once for each worker,
// on the control plane's goroutine, never while that worker runs the same
// graph; an error from any call leaves the running graph as it was.
type Build func(g *Graph) error

// Graph is one worker's graph while it is built; immutable afterwards.
type Graph struct {
	worker, workers int
	vec             *pmd.Vector
	given           *given
	burst           int

	sets     []*pollSet // the runtime's own first
	inputs   []*input
	outputs  []*Output
	sources  []source
	groupers []*Grouper
	watch    *watch // nil: nobody looks on
	wait     *wait  // nil: the worker must not sleep
	ordered  bool   // an input is pushed before others

	counters []*CounterSet
	own      []Counter // this worker's cells of the framework's set
	scratch  []Verdict // of the verbs: used between two pushes only
	edges    []edge
	flows    []*Flow
	verbs    int   // called so far, for names in the picture
	received int   // ports given to Receive so far
	err      error // the first one, given when the graph is finished
}

// pollSet is a set with what its receive slots lead to.
type pollSet struct {
	pmd.PollSet
	driver pmd.Driver
	rx     *pmd.SegList
	ways   []way        // by slot
	gather pmd.Gatherer // nil: it is none
	held   bool         // the next step leaves it alone
}

// way is where the packets of a receive slot go.
type way struct {
	next  Stage
	first bool    // see Graph.First
	meter Meter   // next, if it counts the queue's bytes, else nil
	bytes *uint64 // the count
}

func (w *way) push(b Burst) {
	if w.meter == nil {
		w.next.Push(b)
		return
	}
	store(w.bytes, *w.bytes+w.meter.PushMetered(b))
}

type input struct {
	q     pmd.RxQueue
	name  string // of next, in the picture; may be empty
	set   *pollSet
	next  Stage
	first bool
}

// source makes packets in each step, after those received are through.
type source interface{ run() }

// Worker is the worker that this copy is for, from 0 to Workers()-1.
func (g *Graph) Worker() int { return g.worker }

// Workers is the number of workers, and so of copies of the graph.
func (g *Graph) Workers() int { return g.workers }

// Vector is the worker's packet memory, for stages that regroup, drop or make
// packets. Stages of a graph that is built later get the same one.
func (g *Graph) Vector() *pmd.Vector { return g.vec }

// Share reports that worker polls the index-th of several queues, when workers
// take turns: queue i of a port, or the i-th of many ports with one queue.
func Share(index, worker, workers int) bool { return index%workers == worker }

// Input makes this worker poll q and push what it receives to next, which the
// graph's picture calls name. One worker at most may poll a queue.
func (g *Graph) Input(name string, q pmd.RxQueue, next Stage) error {
	if next == nil {
		return fmt.Errorf("input %s: no stage", name)
	}
	in, err := g.poll(q)
	if err != nil {
		return fmt.Errorf("input %s: %w", name, err)
	}
	in.name, in.next = name, next
	g.Edge(rxNode(q), name, "")
	return nil
}

// First makes every step push what q has given before what other inputs have, when
// this worker polls q: for a stage that must know what came back before more goes out.
func (g *Graph) First(q pmd.RxQueue) {
	for _, in := range g.inputs {
		if in.q == q {
			in.first, g.ordered = true, true
		}
	}
}

// Output gives the stage that sends to q; the same one when q is asked for
// again. name is what the graph's picture calls the stage that pushes to it.
func (g *Graph) Output(name string, q pmd.TxQueue) (*Output, error) {
	out, err := g.sendTo(q)
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", name, err)
	}
	g.Edge(name, txNode(q), "")
	return out, nil
}

// Counters makes set part of the system's account, as long as a graph that
// asked for it runs, and gives this worker's cells. When the last such graph is
// swapped out, what the set counted stays in the account's totals.
func (g *Graph) Counters(set *CounterSet) []Counter {
	if len(set.cells) < g.workers {
		g.fail(fmt.Errorf("counter set %s is for %d workers, not %d", set.Name, len(set.cells), g.workers))
		return make([]Counter, len(set.Specs))
	}
	if !slices.Contains(g.counters, set) {
		g.counters = append(g.counters, set)
	}
	cells := set.Worker(g.worker)
	if g.watch != nil {
		g.watch.Counters(set, cells)
	}
	return cells
}

func (g *Graph) poll(q pmd.RxQueue) (*input, error) {
	if q == nil {
		return nil, fmt.Errorf("no receive queue")
	}
	if slices.ContainsFunc(g.inputs, func(in *input) bool { return in.q == q }) {
		return nil, fmt.Errorf("%s is an input already", rxNode(q))
	}
	set, err := g.set(q.Port().Driver())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rxNode(q), err)
	}
	in := &input{q: q, set: set}
	g.inputs = append(g.inputs, in)
	return in, nil
}

func (g *Graph) sendTo(q pmd.TxQueue) (*Output, error) {
	if q == nil {
		return nil, fmt.Errorf("no transmit queue")
	}
	for _, o := range g.outputs {
		if o.q == q {
			return o, nil
		}
	}
	set, err := g.set(q.Port().Driver())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", txNode(q), err)
	}
	out := &Output{set: set.PollSet, list: set.TxList(), q: q, given: g.given}
	g.outputs = append(g.outputs, out)
	return out, nil
}

// set gives the graph's poll set of a driver.
func (g *Graph) set(d pmd.Driver) (*pollSet, error) {
	for _, s := range g.sets {
		if s.driver == d {
			return s, nil
		}
	}
	ps, err := d.NewPollSet(g.vec)
	if err != nil {
		return nil, fmt.Errorf("new poll set: %w", err)
	}
	s := &pollSet{PollSet: ps, driver: d, rx: ps.RxList()}
	s.gather, _ = ps.(pmd.Gatherer)
	g.sets = append(g.sets, s)
	return s, nil
}

func (g *Graph) fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// close frees the graph's poll sets. No worker runs it any more.
func (g *Graph) close() {
	for _, s := range g.sets {
		s.Close()
	}
	g.sets = nil
}

// flush sends what the last step queued. The runtime's set comes last: it frees
// what the others give up.
func (g *Graph) flush() {
	for _, s := range slices.Backward(g.sets) {
		s.Flush()
	}
}
