package watch

import (
	"ipvd/flows"
	"ipvd/pmd"
)

// All makes one watcher of several, at least one. They are numbered alike, since
// each is told of everything.
func All(ws []flows.Watcher) flows.Watcher {
	if len(ws) == 1 {
		return ws[0]
	}
	return all(ws)
}

type all []flows.Watcher

func (a all) Input(q pmd.RxQueue) (n int) {
	for _, w := range a {
		n = w.Input(q)
	}
	return n
}

func (a all) Output(q pmd.TxQueue) (n int) {
	for _, w := range a {
		n = w.Output(q)
	}
	return n
}

func (a all) Stage(name string) (n int) {
	for _, w := range a {
		n = w.Stage(name)
	}
	return n
}

func (a all) Counters(set *flows.CounterSet, cells []flows.Counter) {
	for _, w := range a {
		w.Counters(set, cells)
	}
}

func (a all) Together(input int, pkts []*pmd.Mbuf) int {
	n := len(pkts)
	for _, w := range a {
		n = w.Together(input, pkts[:n])
	}
	return n
}

func (a all) Received(input int, pkts []*pmd.Mbuf) {
	for _, w := range a {
		w.Received(input, pkts)
	}
}

func (a all) Through() {
	for _, w := range a {
		w.Through()
	}
}

func (a all) Entered(stage int, pkts []*pmd.Mbuf) {
	for _, w := range a {
		w.Entered(stage, pkts)
	}
}

func (a all) Left() {
	for _, w := range a {
		w.Left()
	}
}

func (a all) Queued(output int, pkts []*pmd.Mbuf) {
	for _, w := range a {
		w.Queued(output, pkts)
	}
}

func (a all) Dropped(cells []flows.Counter, i int, pkts []*pmd.Mbuf) {
	for _, w := range a {
		w.Dropped(cells, i, pkts)
	}
}
