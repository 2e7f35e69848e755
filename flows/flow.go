package flows

import (
	"fmt"
	"path/filepath"
	"runtime"

	"ipvd/pmd"
)

// Flow is a stream of packets while a graph is built. It is open until it is
// sent, stopped, split or merged; a flow that is still open when the build ends,
// and a verb on one that is not, are build errors that name the verb and the
// line. Verbs do not fail on the spot: Start, Swap and NewStepper give the first
// error of a build.
//
// Each worker runs its own copy of the graph, so a function that is given to a
// verb is called by several goroutines unless Build makes one for each.
type Flow struct {
	g      *Graph
	ends   []end // what feeds the flow; none on a worker that does not
	open   bool
	origin string
}

// end is an edge that leads nowhere yet.
type end struct {
	next        *Stage
	node, label string
}

// Receive gives the packets of port's queues. The workers share the queues, and
// they take turns with ports that have one.
func (g *Graph) Receive(port pmd.Port) *Flow {
	_, f := g.newFlow("receive", port == nil)
	if port == nil {
		return f
	}
	for i, q := range port.Rx() {
		if !Share(g.received+i, g.worker, g.workers) {
			continue
		}
		in, err := g.poll(q)
		if err != nil {
			g.fail(fmt.Errorf("%s: %w", f.origin, err))
			return f
		}
		f.ends = append(f.ends, end{next: &in.next, node: rxNode(q)})
	}
	g.received++
	return f
}

// Send sends the flow's packets to port, on the queue that falls to this worker.
// Several flows may be sent to one port.
func (f *Flow) Send(port pmd.Port) {
	g := f.g
	_, at, ok := f.verb("send", port == nil)
	if !ok {
		return
	}
	f.open = false
	queues := port.Tx()
	if len(queues) == 0 {
		g.fail(fmt.Errorf("%s: port %s has no transmit queue", at, port.Name()))
		return
	}
	q := queues[g.worker%len(queues)]
	if len(f.ends) == 0 {
		return
	}
	out, err := g.sendTo(q)
	if err != nil {
		g.fail(fmt.Errorf("%s: %w", at, err))
		return
	}
	f.attach(txNode(q), out)
}

// Merge makes one flow of several, which are closed. It costs nothing when the
// graph runs.
func (g *Graph) Merge(flows ...*Flow) *Flow {
	_, merged := g.newFlow("merge", len(flows) == 0)
	for _, f := range flows {
		if _, _, ok := f.verb("merge", false); ok {
			f.open = false
			merged.ends = append(merged.ends, f.ends...)
		}
	}
	return merged
}

// newFlow makes an open flow; it and Flow.verb are called by a verb directly,
// whose caller's line they note.
func (g *Graph) newFlow(verb string, missing bool) (node string, f *Flow) {
	node, at := g.place(verb)
	if missing {
		g.fail(fmt.Errorf("%s: an argument is missing", at))
	}
	f = &Flow{g: g, open: true, origin: at}
	g.flows = append(g.flows, f)
	return node, f
}

// verb begins a verb on f: its name in the picture, and where it was called. It
// is not ok when f is closed or an argument is missing.
func (f *Flow) verb(verb string, missing bool) (node, at string, ok bool) {
	node, at = f.g.place(verb)
	switch {
	case missing:
		f.g.fail(fmt.Errorf("%s: an argument is missing", at))
	case !f.open:
		f.g.fail(fmt.Errorf("%s: the flow of %s is closed", at, f.origin))
	default:
		return node, at, true
	}
	return node, at, false
}

func (g *Graph) place(verb string) (node, at string) {
	g.verbs++
	_, file, line, _ := runtime.Caller(3)
	return fmt.Sprintf("%s %d", verb, g.verbs), fmt.Sprintf("%s at %s:%d", verb, filepath.Base(file), line)
}

// attach leads the flow into stage; it has no ends then.
func (f *Flow) attach(node string, stage Stage) {
	for _, e := range f.ends {
		*e.next = stage
		f.g.Edge(e.node, node, e.label)
	}
	f.ends = nil
}

// through leads the flow through stage, and on from next.
func (f *Flow) through(node string, stage Stage, next *Stage, label string) {
	f.attach(node, stage)
	f.ends = []end{{next, node, label}}
}

// branch makes a flow that leaves stage node by next.
func (f *Flow) branch(at, node string, next *Stage, label string) *Flow {
	b := &Flow{g: f.g, open: true, origin: at, ends: []end{{next, node, label}}}
	f.g.flows = append(f.g.flows, b)
	return b
}

// finishFlows reports a flow that leads nowhere.
func (g *Graph) finishFlows() {
	for _, f := range g.flows {
		if f.open {
			g.fail(fmt.Errorf("%s: the flow is neither sent nor stopped", f.origin))
		}
	}
	g.flows = nil
}
