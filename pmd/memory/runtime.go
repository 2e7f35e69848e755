package memory

import (
	"fmt"

	"ipvd/pmd"
)

// Runtime is a pmd.Runtime whose ports are in memory.
type Runtime struct{ pool *pool }

var _ pmd.Runtime = (*Runtime)(nil)

// NewRuntime makes a runtime with a pool of mbufs mbufs.
func NewRuntime(mbufs int) (*Runtime, error) {
	p, err := newPool(mbufs)
	if err != nil {
		return nil, fmt.Errorf("memory runtime: %w", err)
	}
	return &Runtime{p}, nil
}

// Pool is the runtime's pool.
func (rt *Runtime) Pool() pmd.Pool { return rt.pool }

// Close frees the pool. Nothing of the runtime may be used any more.
func (rt *Runtime) Close() error { return rt.pool.close() }

// NewVector makes a vector and fills its stock.
func (rt *Runtime) NewVector(_ pmd.Pool, pkts, stock int) (*pmd.Vector, error) {
	v := pmd.NewVector(pkts, pkts, stock, rt.freeGiven)
	v.Restock = rt.restock
	if rt.restock(v); v.NStock < stock {
		rt.CloseVector(v)
		return nil, fmt.Errorf("memory runtime: vector with a stock of %d of %d mbufs: %w", stock, rt.pool.size, pmd.ErrNoMemory)
	}
	return v, nil
}

// CloseVector frees what v holds.
func (rt *Runtime) CloseVector(v *pmd.Vector) {
	rt.freeGiven(v)
	for m := v.Alloc(); m != nil; m = v.Alloc() {
		rt.pool.put(m)
	}
}

// Register does nothing: memory needs no thread's cache.
func (rt *Runtime) Register() (unregister func(), err error) { return func() {}, nil }

// free gives up one reference to the packet m.
func (rt *Runtime) free(m *pmd.Mbuf) {
	for s := m; s != nil; {
		next := s.Next()
		rt.pool.put(s)
		s = next
	}
}

func (rt *Runtime) freeGiven(v *pmd.Vector) {
	for _, m := range v.Free[:v.NFree] {
		rt.free(m)
	}
	v.NFree = 0
}

func (rt *Runtime) restock(v *pmd.Vector) {
	for v.NStock < len(v.Stock) {
		m := rt.pool.get()
		if m == nil {
			return
		}
		v.Stock[v.NStock] = m
		v.NStock++
	}
}
