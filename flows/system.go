package flows

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"ipvd/pmd"
)

// Errors that callers test for with errors.Is.
var (
	// ErrStuck: a worker did not finish the step it was in within the time
	// allowed.
	ErrStuck = errors.New("worker did not finish its step in time")
	// ErrStopped: the system was stopped.
	ErrStopped = errors.New("system is stopped")
)

// Config describes a system. Runtime, Pool and CPUs have no default.
type Config struct {
	Runtime pmd.Runtime
	Pool    pmd.Pool // where the workers' stock comes from
	CPUs    []int    // a worker each; -1: not pinned

	Burst         int           // most packets that a step takes from a queue; 64
	VectorPackets int           // packets that fit a step, regrouped ones again; 8192
	Stock         int           // fresh mbufs that a step may take; 256
	SwapTimeout   time.Duration // how long Swap and Stop wait for the workers; 1 s

	// IdleSteps is after how many steps without packets a worker sleeps until
	// packets come; 0: never. A worker that makes packets by itself does not.
	IdleSteps int
	// Look is how long such a sleep is at most when a queue has no descriptor to
	// sleep on; 1 ms.
	Look time.Duration

	// OnFault is told of a panic in the graph, on the worker's goroutine: it
	// must return soon, and it must not panic. nil: faults are only counted.
	OnFault func(Fault)
}

func (c *Config) complete() error {
	switch {
	case c.Runtime == nil:
		return errors.New("no runtime")
	case c.Pool == nil:
		return errors.New("no pool")
	case len(c.CPUs) == 0:
		return errors.New("no CPUs")
	case c.Burst < 0 || c.VectorPackets < 0 || c.Stock < 0 || c.SwapTimeout < 0 || c.IdleSteps < 0 || c.Look < 0:
		return fmt.Errorf("burst %d, vector %d, stock %d, swap timeout %v, idle steps %d, look %v: negative",
			c.Burst, c.VectorPackets, c.Stock, c.SwapTimeout, c.IdleSteps, c.Look)
	}
	if c.Burst == 0 {
		c.Burst = 64
	}
	if c.VectorPackets == 0 {
		c.VectorPackets = 8192
	}
	if c.Stock == 0 {
		c.Stock = 256
	}
	if c.SwapTimeout == 0 {
		c.SwapTimeout = time.Second
	}
	if c.Look == 0 {
		c.Look = time.Millisecond
	}
	return nil
}

// System is a group of workers that run one graph, each its own copy. Its
// methods may be called from any goroutine but a worker's. A process may have
// several systems; they share nothing.
type System struct {
	cfg     Config
	workers []*worker
	ledger  *ledger
	own     *CounterSet
	manual  bool // a Stepper: the workers have no goroutines

	mu      sync.Mutex // a change at a time
	graphs  []*Graph   // by worker: what they run, or will when they are woken
	limbo   []*Graph   // swapped out while their worker was stuck in a step
	stopped bool
}

// Start builds the graph for each of cfg.CPUs and runs it. All or nothing: when
// it fails, everything is closed again. It raises GOMAXPROCS so that the workers
// of the process, which never let go of theirs, leave two to the control plane.
func Start(cfg Config, build Build) (*System, error) {
	s, err := newSystem(cfg, build)
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	reserveProcs(len(s.workers))
	for i, w := range s.workers {
		if err := w.start(cfg.Runtime); err != nil {
			for _, rest := range s.workers[i:] {
				close(rest.ended)
			}
			return nil, errors.Join(fmt.Errorf("start: %w", err), s.Stop())
		}
	}
	return s, nil
}

// newSystem makes a system whose workers do not run yet.
func newSystem(cfg Config, build Build) (*System, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &System{cfg: cfg, ledger: newLedger(), own: NewCounterSet("flows", len(cfg.CPUs), ownSpecs())}
	for i := range cfg.CPUs {
		if err := s.addWorker(i); err != nil {
			s.closeWorkers()
			return nil, fmt.Errorf("worker %d: %w", i, err)
		}
	}
	graphs, err := s.build(build)
	if err != nil {
		s.closeWorkers()
		return nil, err
	}
	s.graphs = graphs
	s.ledger.add(graphs)
	for i, w := range s.workers {
		w.next.Store(graphs[i])
	}
	return s, nil
}

func (s *System) addWorker(i int) error {
	cfg := &s.cfg
	v, err := cfg.Runtime.NewVector(cfg.Pool, cfg.VectorPackets, cfg.Stock)
	if err != nil {
		return fmt.Errorf("vector of %d packets and a stock of %d: %w", cfg.VectorPackets, cfg.Stock, err)
	}
	w := &worker{id: i, cpu: cfg.CPUs[i], vec: v, onFault: cfg.OnFault, own: s.own.Worker(i), ended: make(chan struct{})}
	w.given.init(v)
	s.workers = append(s.workers, w)
	if w.idleSteps = cfg.IdleSteps; w.idleSteps > 0 {
		w.bell, err = newBell()
	}
	return err
}

// build makes a graph for each worker, or none.
func (s *System) build(build Build) (graphs []*Graph, err error) {
	defer func() {
		if err != nil {
			for _, g := range graphs {
				g.close()
			}
		}
	}()
	for _, w := range s.workers {
		g := &Graph{worker: w.id, workers: len(s.workers), vec: w.vec, given: &w.given, burst: s.cfg.Burst}
		graphs = append(graphs, g)
		g.own = g.Counters(s.own)
		if _, err := g.set(s.cfg.Runtime); err != nil {
			return graphs, fmt.Errorf("worker %d: %w", w.id, err)
		}
		if err := build(g); err != nil {
			return graphs, fmt.Errorf("worker %d: %w", w.id, err)
		}
	}
	if err := seal(graphs); err != nil {
		return graphs, err
	}
	for i, w := range s.workers {
		graphs[i].wait = newWait(graphs[i], w.bell, s.cfg.Look)
	}
	return graphs, nil
}

func (s *System) closeWorkers() {
	for _, w := range s.workers {
		s.cfg.Runtime.CloseVector(w.vec)
		w.bell.close()
	}
}

// Stop ends the workers, sends what they had queued, and frees what the system
// made; the ports stay open. When a worker is stuck it fails with ErrStuck,
// frees nothing, and may be called again. A call after that does nothing.
func (s *System) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers[0].vec == nil {
		return nil
	}
	s.stopped = true
	for _, w := range s.workers {
		w.next.Store(nil)
		w.bell.ring()
	}
	if err := s.await(s.cfg.SwapTimeout, (*worker).hasEnded); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	s.retire(s.graphs)
	s.graphs = nil
	s.closeWorkers()
	for _, w := range s.workers {
		w.vec = nil
	}
	if !s.manual {
		releaseProcs(len(s.workers))
	}
	return nil
}

// Account is what became of all packets since the system was started. It is
// exact when no packet is under way.
func (s *System) Account() Account { return s.ledger.account() }

// Parts is the account with what it is made of.
func (s *System) Parts() Parts { return s.ledger.parts() }

// Counters reads the counters of all sets that the running graph uses, by name
// of set and in the order of their specs.
func (s *System) Counters() []Reading { return s.ledger.readings() }

// MbufsInUse is the number of mbufs of the configured pool that are not free:
// in workers' stocks, in receive rings, on their way.
func (s *System) MbufsInUse() int { return s.cfg.Pool.InUse() }

// DOT draws the running graph in Graphviz's language.
func (s *System) DOT() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return dot(s.graphs)
}

// Workers says what each worker has done.
func (s *System) Workers() []WorkerInfo {
	infos := make([]WorkerInfo, len(s.workers))
	for i, w := range s.workers {
		infos[i] = w.info()
	}
	return infos
}
