package flows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Swap builds a new graph for every worker and makes it the running one. When
// it returns nil, no worker is in the old graph, what the old graph had queued
// is sent, and its poll sets are closed: ports that are no longer used may be.
//
// When a worker does not leave the old graph within Config.SwapTimeout, the
// others go back to it and Swap fails with ErrStuck, naming the worker and its
// ports. On this and any other error the old graph is the running one.
//
// A swap loses no packet. When a queue passes from one worker to another, all
// workers pause between the two graphs.
func (s *System) Swap(build Build) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return fmt.Errorf("swap: %w", ErrStopped)
	}
	next, err := s.build(build)
	if err != nil {
		return fmt.Errorf("swap: %w", err)
	}
	s.ledger.add(next)
	old := s.graphs
	if err := s.replace(next); err != nil {
		s.publish(old)
		back := s.await(s.cfg.SwapTimeout, func(w *worker) bool { return w.running.Load() != next[w.id] })
		s.retire(next)
		return fmt.Errorf("swap: %w", errors.Join(err, back))
	}
	s.graphs = next
	s.retire(old)
	return nil
}

// replace makes all workers leave their graph for that of next.
func (s *System) replace(next []*Graph) error {
	if !moved(s.graphs, next) {
		s.publish(next)
		return s.await(s.cfg.SwapTimeout, (*worker).hasAdopted)
	}
	pause := make([]*Graph, len(next))
	for i := range pause {
		pause[i] = &Graph{worker: i}
	}
	s.publish(pause)
	if err := s.await(s.cfg.SwapTimeout, (*worker).hasAdopted); err != nil {
		return err
	}
	s.publish(next)
	return nil
}

// publish says which graph each worker is to run.
func (s *System) publish(graphs []*Graph) {
	for i, w := range s.workers {
		w.next.Store(graphs[i])
		w.bell.ring()
		if s.manual {
			w.adopt()
		}
	}
}

// retire closes graphs as soon as no worker can be in them; those of a stuck
// worker wait in limbo for the next call.
func (s *System) retire(graphs []*Graph) {
	s.limbo = slices.DeleteFunc(append(s.limbo, graphs...), func(g *Graph) bool {
		w := s.workers[g.worker]
		// In this order: see worker.adopt.
		gone := w.next.Load() != g && w.running.Load() != g
		if gone {
			g.close()
		}
		return gone
	})
	s.ledger.keep(append(slices.Clone(s.limbo), s.graphs...))
}

// Synchronize waits until every worker has finished the step that it was in, so
// that none uses what was unpublished before the call. A worker that sleeps is in
// no step. It fails with ErrStuck when that takes longer than timeout.
func (s *System) Synchronize(timeout time.Duration) error {
	before := make([]uint64, len(s.workers))
	for i, w := range s.workers {
		before[i] = w.steps.Load()
	}
	err := s.await(timeout, func(w *worker) bool {
		return s.manual || w.steps.Load() != before[w.id] || w.isAsleep() || w.hasEnded()
	})
	if err != nil {
		return fmt.Errorf("synchronize: %w", err)
	}
	return nil
}

// await waits until done holds for every worker. The first wait is short: a
// step takes microseconds.
func (s *System) await(timeout time.Duration, done func(*worker) bool) error {
	deadline := time.Now().Add(timeout)
	for _, w := range s.workers {
		for pause := 10 * time.Microsecond; !done(w); pause = min(2*pause, time.Millisecond) {
			if time.Now().After(deadline) {
				return fmt.Errorf("worker %d (CPU %d) with %s: %w", w.id, w.cpu, w.ports(), ErrStuck)
			}
			time.Sleep(pause)
		}
	}
	return nil
}

func (w *worker) hasAdopted() bool { return w.running.Load() == w.next.Load() }

func (w *worker) isAsleep() bool { return w.bell != nil && w.bell.asleep.Load() }

func (w *worker) hasEnded() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

// ports names the ports of the graph that the worker is in.
func (w *worker) ports() string {
	g := w.running.Load()
	if g == nil {
		return "no ports"
	}
	var names []string
	for _, in := range g.inputs {
		names = append(names, in.q.Port().Name())
	}
	for _, out := range g.outputs {
		names = append(names, out.q.Port().Name())
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > 8 {
		names = append(names[:8], fmt.Sprintf("%d more", len(names)-8))
	}
	return "ports " + strings.Join(names, ", ")
}
