package flows

import (
	"fmt"

	"ipvd/pmd"
)

// seal puts the queues of all workers' graphs into their poll sets, which needs
// all of them: whether an output is shared, and so locks, is known only now.
func seal(graphs []*Graph) error {
	polls := map[pmd.RxQueue]int{}
	senders := map[pmd.TxQueue]int{}
	for _, g := range graphs {
		if err := g.finish(); err != nil {
			return err
		}
		for _, in := range g.inputs {
			if other, ok := polls[in.q]; ok {
				return fmt.Errorf("%s is polled by workers %d and %d", rxNode(in.q), other, g.worker)
			}
			polls[in.q] = g.worker
		}
		for _, out := range g.outputs {
			senders[out.q]++
		}
	}
	for _, g := range graphs {
		if err := g.fill(senders); err != nil {
			return fmt.Errorf("worker %d: %w", g.worker, err)
		}
	}
	return nil
}

// finish reports what the builder did wrong.
func (g *Graph) finish() error {
	g.finishFlows()
	return g.err
}

// fill adds the graph's queues to its poll sets.
func (g *Graph) fill(senders map[pmd.TxQueue]int) error {
	for _, in := range g.inputs {
		slot, err := in.set.AddRx(in.q, g.burst)
		if err != nil {
			return fmt.Errorf("%s: %w", rxNode(in.q), err)
		}
		for len(in.set.ways) <= int(slot) {
			in.set.ways = append(in.set.ways, way{})
		}
		w := &in.set.ways[slot]
		w.next, w.first = in.next, in.first
		if g.watch != nil {
			w.next = g.watch.input(in)
		}
		meter, reads := w.next.(Meter)
		if set, ok := in.set.PollSet.(pmd.Metered); ok && reads {
			w.meter, w.bytes = meter, set.Meter(slot)
		}
	}
	for _, out := range g.outputs {
		var err error
		out.shared = senders[out.q] > 1
		if out.slot, err = out.set.AddTx(out.q, out.shared); err != nil {
			return fmt.Errorf("%s: %w", txNode(out.q), err)
		}
		if g.watch != nil {
			g.watch.output(out)
		}
	}
	for _, gr := range g.groupers {
		gr.seal()
	}
	return nil
}

// moved reports that a worker with its graph of next could meet another worker,
// which still runs its graph of old, at a queue that only one of them may drive.
func moved(old, next []*Graph) bool {
	polls := map[pmd.RxQueue]int{}
	outputs := map[pmd.TxQueue]*Output{}
	senders := map[pmd.TxQueue]int{}
	for _, g := range old {
		for _, in := range g.inputs {
			polls[in.q] = g.worker
		}
		for _, out := range g.outputs {
			outputs[out.q], senders[out.q] = out, g.worker
		}
	}
	for _, g := range next {
		for _, in := range g.inputs {
			if w, ok := polls[in.q]; ok && w != g.worker {
				return true
			}
		}
		for _, out := range g.outputs {
			before := outputs[out.q]
			locked := before != nil && before.shared && out.shared
			alone := before == nil || !before.shared && !out.shared && senders[out.q] == g.worker
			if !locked && !alone {
				return true
			}
		}
	}
	return false
}
