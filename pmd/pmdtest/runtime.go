package pmdtest

import (
	"fmt"
	"sync"
	"testing"

	"ipvd/pmd"
)

// Failures are errors that a runtime and its drivers give instead of doing what
// was asked; nil: they do it.
type Failures struct {
	PollSet  error // NewPollSet of both drivers
	Vector   error // NewVector
	Register error // Register
}

// Runtime is a pmd.Runtime. Its methods may be called from any goroutine.
type Runtime struct {
	t     testing.TB
	other *OtherDriver

	mu       sync.Mutex
	pools    []*Pool
	fail     Failures
	listLen  int
	vectors  map[*pmd.Vector]*Pool // the open ones, and where their stock comes from
	sets     int                   // open
	threads  int                   // registered
	metered  []*RxQueue            // whose bytes a worker counts, or has counted
	problems []string
}

var _ pmd.Runtime = (*Runtime)(nil)

// OtherDriver is a second driver, whose ports share the runtime's mbufs.
type OtherDriver struct{ rt *Runtime }

var _ pmd.Driver = (*OtherDriver)(nil)

// NewRuntime makes a runtime with a pool of mbufs mbufs. When t ends, the
// runtime fails it for what was lost or left open.
func NewRuntime(t testing.TB, mbufs int) *Runtime {
	t.Helper()
	rt := &Runtime{t: t, listLen: 1024, vectors: map[*pmd.Vector]*Pool{}}
	rt.other = &OtherDriver{rt}
	t.Cleanup(rt.finish)
	rt.NewPool("mbufs", mbufs, DefaultRoom)
	return rt
}

// Pool is the pool that NewRuntime made; ports receive into it.
func (rt *Runtime) Pool() *Pool { return rt.pools[0] }

// NewPool makes a further pool of size mbufs with room for room data bytes,
// before any worker starts.
func (rt *Runtime) NewPool(name string, size, room int) *Pool {
	rt.t.Helper()
	rt.mu.Lock()
	defer rt.mu.Unlock()
	p, err := newPool(rt, name, size, room, uintptr(len(rt.pools)))
	if err != nil {
		rt.t.Fatal(err)
	}
	rt.pools = append(rt.pools, p)
	return p
}

// OtherDriver is the second driver: its poll sets are never the first of a
// worker.
func (rt *Runtime) OtherDriver() *OtherDriver { return rt.other }

// Fail sets what fails from now on.
func (rt *Runtime) Fail(f Failures) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.fail = f
}

// SetListLen sets the room of the TX and RX lists of poll sets made from now on,
// 1024 at first; a short one makes outputs flush within a step.
func (rt *Runtime) SetListLen(n int) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.listLen = n
}

// Threads is the number of registered threads.
func (rt *Runtime) Threads() int {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.threads
}

// PollSets is the number of open poll sets of both drivers.
func (rt *Runtime) PollSets() int {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.sets
}

// NewPollSet makes the poll set that comes first in a worker.
func (rt *Runtime) NewPollSet(v *pmd.Vector) (pmd.PollSet, error) { return rt.newSet(rt, v) }

// NewPollSet makes a further poll set of a worker.
func (d *OtherDriver) NewPollSet(v *pmd.Vector) (pmd.PollSet, error) { return d.rt.newSet(d, v) }

// NewVector makes a vector and fills its stock from pool.
func (rt *Runtime) NewVector(pool pmd.Pool, pkts, stock int) (*pmd.Vector, error) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.fail.Vector != nil {
		return nil, rt.fail.Vector
	}
	p, ok := pool.(*Pool)
	if !ok || p.rt != rt {
		return nil, fmt.Errorf("vector: pool %v: %w", pool, pmd.ErrUnsupported)
	}
	v := pmd.NewVector(pkts, pkts, stock, rt.freeGiven)
	v.Restock = p.restock
	p.restock(v)
	if v.NStock < stock {
		rt.emptyVector(v)
		return nil, fmt.Errorf("vector: %d mbufs of pool %s for the stock: %w", stock, p.name, pmd.ErrNoMemory)
	}
	rt.vectors[v] = p
	return v, nil
}

// CloseVector frees what v holds.
func (rt *Runtime) CloseVector(v *pmd.Vector) {
	rt.emptyVector(v)
	rt.mu.Lock()
	defer rt.mu.Unlock()
	delete(rt.vectors, v)
}

// Register counts the calling thread as a worker until the function it returns
// is called.
func (rt *Runtime) Register() (unregister func(), err error) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.fail.Register != nil {
		return nil, rt.fail.Register
	}
	rt.threads++
	return func() {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.threads--
	}, nil
}

// Free gives up one reference to the packet m.
func (rt *Runtime) Free(m *pmd.Mbuf) {
	for s := m; s != nil; {
		next := s.Next() // before DropRef: afterwards s may belong to another worker
		if s.DropRef() {
			rt.pools[s.PoolID()].put(s)
		}
		s = next
	}
}

// freeGiven frees the vector's Free list.
func (rt *Runtime) freeGiven(v *pmd.Vector) {
	for _, m := range v.Free[:v.NFree] {
		rt.Free(m)
	}
	v.NFree = 0
}

// emptyVector frees the vector's Free list and its stock.
func (rt *Runtime) emptyVector(v *pmd.Vector) {
	rt.freeGiven(v)
	for m := v.Alloc(); m != nil; m = v.Alloc() {
		rt.Free(m)
	}
}

// restock tops up the vector's stock as far as the pool goes.
func (p *Pool) restock(v *pmd.Vector) {
	for v.NStock < len(v.Stock) {
		m := p.Get()
		if m == nil {
			return
		}
		v.Stock[v.NStock] = m
		v.NStock++
	}
}
