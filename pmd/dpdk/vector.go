package dpdk

/*
#include <stdlib.h>
#include "shim.h"
#cgo noescape ipvd_free
#cgo nocallback ipvd_free
#cgo noescape ipvd_restock
#cgo nocallback ipvd_restock
*/
import "C"

import (
	"fmt"
	"unsafe"

	"ipvd/pmd"
)

// maxVector bounds a vector: a burst's length has 16 bits in DPDK.
const maxVector = 32768

// vector is the memory behind a pmd.Vector, outside the Go heap.
type vector struct {
	c    *C.struct_ipvd_vector
	pool *Pool
}

// NewVector makes a worker's vector: room for pkts packets in a step, as many
// given-up references, and a stock of fresh mbufs from pool, which must be a
// *Pool of this runtime.
func (r *Runtime) NewVector(pool pmd.Pool, pkts, stock int) (*pmd.Vector, error) {
	p, ok := pool.(*Pool)
	if !ok || p.rt != r {
		return nil, fmt.Errorf("vector: pool %s is not DPDK's: %w", pool.Name(), pmd.ErrUnsupported)
	}
	if pkts <= 0 || pkts > maxVector || stock < 0 || stock > maxVector {
		return nil, fmt.Errorf("vector: %d packets, stock %d: out of range 1 to %d", pkts, stock, maxVector)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.pool == nil {
		return nil, fmt.Errorf("vector: pool %s: %w", p.Name(), pmd.ErrClosed)
	}
	c := (*C.struct_ipvd_vector)(C.ipvd_zalloc(C.sizeof_struct_ipvd_vector))
	if c == nil {
		return nil, fmt.Errorf("vector of %d packets: %w", pkts, pmd.ErrNoMemory)
	}
	c.pkts, c.free, c.stock = mbufArray(pkts), mbufArray(pkts), mbufArray(stock)
	c.sums = (*C.uint64_t)(C.ipvd_zalloc(C.size_t(pkts+1) * C.sizeof_uint64_t))
	c.npkts, c.nfree, c.nstock = C.uint32_t(pkts), C.uint32_t(pkts), C.uint32_t(stock)
	c.pool = p.pool
	if c.pkts == nil || c.free == nil || c.stock == nil || c.sums == nil {
		freeVector(c)
		return nil, fmt.Errorf("vector of %d packets: %w", pkts, pmd.ErrNoMemory)
	}
	v := &pmd.Vector{Pkts: mbufs(c.pkts, pkts), Free: mbufs(c.free, pkts), Stock: mbufs(c.stock, stock), Overflow: freeAll}
	v.Restock = func(v *pmd.Vector) { v.NStock = int(C.ipvd_restock(c, C.uint32_t(v.NStock))) }
	r.vectors[v] = &vector{c: c, pool: p}
	return v, nil
}

// CloseVector gives v's stock and given-up references back to their pools and
// frees v. Its worker and its poll sets must be gone.
func (r *Runtime) CloseVector(v *pmd.Vector) {
	r.mu.Lock()
	defer r.mu.Unlock()
	mem := r.vectors[v]
	if mem == nil {
		return
	}
	delete(r.vectors, v)
	freeAll(v)
	C.ipvd_free(mem.c.stock, C.uint32_t(v.NStock))
	freeVector(mem.c)
	*v = pmd.Vector{}
}

// freeAll is the vectors' Overflow.
func freeAll(v *pmd.Vector) {
	C.ipvd_free((**C.struct_rte_mbuf)(unsafe.Pointer(unsafe.SliceData(v.Free))), C.uint32_t(v.NFree))
	v.NFree = 0
}

func freeVector(c *C.struct_ipvd_vector) {
	C.free(unsafe.Pointer(c.pkts))
	C.free(unsafe.Pointer(c.free))
	C.free(unsafe.Pointer(c.stock))
	C.free(unsafe.Pointer(c.sums))
	C.free(unsafe.Pointer(c))
}

// mbufArray allocates an array of n pointers; nil if it cannot.
func mbufArray(n int) **C.struct_rte_mbuf {
	return (**C.struct_rte_mbuf)(C.ipvd_zalloc(C.size_t(n) * C.size_t(unsafe.Sizeof(uintptr(0)))))
}

// mbufs is C's array as Go sees it.
func mbufs(p **C.struct_rte_mbuf, n int) []*pmd.Mbuf {
	return unsafe.Slice((**pmd.Mbuf)(unsafe.Pointer(p)), n)
}
