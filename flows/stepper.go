package flows

import "fmt"

// Stepper runs a graph by hand, deterministically and on the caller's goroutine:
// for tests, and for measuring a graph without its thread. It is a System
// otherwise, and not safe for use by several goroutines.
type Stepper struct{ sys *System }

// NewStepper builds the graph for each of cfg.CPUs, of which only the number
// counts. The calling thread is not registered with the runtime.
func NewStepper(cfg Config, build Build) (*Stepper, error) {
	s, err := newSystem(cfg, build)
	if err != nil {
		return nil, fmt.Errorf("stepper: %w", err)
	}
	s.manual = true
	s.publish(s.graphs)
	return &Stepper{s}, nil
}

// Step runs one step of every worker, in order, and gives the number of packets
// received. What the stages queue is sent by the next Step, by Flush, Swap or
// Close. When a stage panics, the worker frees the step's packets as it does in
// a System, and tells Config.OnFault; when that is nil, Step panics as well.
func (s *Stepper) Step() (received int) {
	for _, w := range s.sys.workers {
		received += w.once()
	}
	return received
}

// once is a turn with the salvage of worker.turns. Without anybody to tell, the
// panic goes on to the caller afterwards.
func (w *worker) once() (received int) {
	through := false
	defer func() {
		switch {
		case through:
		case w.onFault == nil:
			w.salvage(nil)
		default:
			w.salvage(recover())
		}
	}()
	received = w.turn()
	through = true
	return received
}

// Flush sends what the last Step queued.
func (s *Stepper) Flush() {
	for _, w := range s.sys.workers {
		if w.cur != nil {
			w.cur.flush()
		}
	}
}

// Swap makes another graph the running one, as System.Swap does.
func (s *Stepper) Swap(build Build) error { return s.sys.Swap(build) }

// Account is what became of all packets.
func (s *Stepper) Account() Account { return s.sys.Account() }

// Counters reads the counters of the running graph.
func (s *Stepper) Counters() []Reading { return s.sys.Counters() }

// DOT draws the running graph in Graphviz's language.
func (s *Stepper) DOT() string { return s.sys.DOT() }

// Close sends what is queued and frees what the stepper made. A second call does
// nothing.
func (s *Stepper) Close() {
	if s.sys.stopped {
		return
	}
	for _, w := range s.sys.workers {
		w.next.Store(nil)
		w.adopt()
		close(w.ended)
	}
	// Nothing can fail: no worker has a goroutine to wait for.
	_ = s.sys.Stop()
}
