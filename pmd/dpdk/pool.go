package dpdk

/*
#include <errno.h>
#include <stdlib.h>
#include <rte_mempool.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	"ipvd/pmd"
)

// maxCache is the largest cache of a pool (RTE_MEMPOOL_CACHE_MAX_SIZE), maxRoom
// the largest buffer (mbuf.buf_len has 16 bits).
const (
	maxCache = 512
	maxRoom  = 65535
)

// PoolConfig describes a pool of mbufs.
type PoolConfig struct {
	Name string
	// Size is the number of mbufs. Count the descriptors of all RX and TX
	// queues, the caches of all workers, and what their vectors hold.
	Size int
	// DataRoom is the data that fits one mbuf behind the headroom, in bytes; 0
	// means 2048.
	DataRoom int
	// Cache is the number of mbufs that a worker keeps to itself, at most 512;
	// 0 means 256. Below twice the burst, most bursts go to the shared ring.
	Cache int
	// Socket is the NUMA node of the memory; -1 means any.
	Socket int
}

// Pool is a pool of mbufs in DPDK's memory.
type Pool struct {
	rt   *Runtime
	cfg  PoolConfig
	mu   sync.Mutex
	pool *C.struct_rte_mempool // nil once closed
}

var _ pmd.Pool = (*Pool)(nil)

// NewPool makes a pool. It returns pmd.ErrNoMemory, with what the pool needs and
// what there is, when it does not fit.
func (r *Runtime) NewPool(cfg PoolConfig) (*Pool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newPool(cfg)
}

func (r *Runtime) newPool(cfg PoolConfig) (*Pool, error) {
	if r.closed {
		return nil, fmt.Errorf("pool %s: %w", cfg.Name, pmd.ErrClosed)
	}
	if cfg.DataRoom == 0 {
		cfg.DataRoom = 2048
	}
	if cfg.Cache == 0 {
		cfg.Cache = 256
	}
	// rte_mempool_create refuses a cache of more than 2/3 of the pool.
	cfg.Cache = min(cfg.Cache, maxCache, cfg.Size*2/3)
	room := cfg.DataRoom + pmd.Headroom
	if cfg.Size <= 0 || cfg.DataRoom < 0 || cfg.Cache < 0 || room > maxRoom {
		return nil, fmt.Errorf("pool %s: size %d, data room %d, cache %d: out of range", cfg.Name, cfg.Size, cfg.DataRoom, cfg.Cache)
	}
	r.names++
	name := C.CString(fmt.Sprintf("ipvd%d", r.names)) // a mempool's name has 25 characters at most
	defer C.free(unsafe.Pointer(name))
	C.ipvd_forget_error()
	p := &Pool{rt: r, cfg: cfg}
	ret := C.ipvd_pool_create(&p.pool, name, C.uint32_t(cfg.Size), C.uint32_t(cfg.Cache), C.uint16_t(room), C.int(cfg.Socket))
	if ret == -C.ENOMEM || ret == -C.ENOBUFS {
		return nil, r.noMemory(cfg)
	}
	if ret != 0 {
		return nil, fmt.Errorf("pool %s: create %d mbufs: %w", cfg.Name, cfg.Size, driverError(ret))
	}
	r.pools[p] = true
	return p, nil
}

// noMemory says what a pool needs and what there is.
func (r *Runtime) noMemory(cfg PoolConfig) error {
	const mb = 1 << 20
	need := uint64(C.ipvd_pool_bytes(C.uint32_t(cfg.Size), C.uint16_t(cfg.DataRoom+pmd.Headroom)))
	total, free := heapBytes()
	advice := "give the EAL more memory or make the pool smaller"
	if r.huge {
		free += uint64(freeHugeMB()) * mb
		advice = "reserve more hugepages or make the pool smaller"
	}
	return fmt.Errorf("pool %s: %d mbufs of %d bytes need %d MiB, of %d MiB there are %d MiB free: %s: %w",
		cfg.Name, cfg.Size, cfg.DataRoom, need/mb+1, total/mb, free/mb, advice, pmd.ErrNoMemory)
}

// heapBytes is the size of DPDK's heaps and what is unused of them.
func heapBytes() (total, unused uint64) {
	var u C.uint64_t
	t := C.ipvd_heap_bytes(&u)
	return uint64(t), uint64(u)
}

// Name is the pool's name.
func (p *Pool) Name() string { return p.cfg.Name }

// Size is the number of mbufs.
func (p *Pool) Size() int { return p.cfg.Size }

// DataRoom is the data that fits one mbuf, in bytes.
func (p *Pool) DataRoom() int { return p.cfg.DataRoom }

// InUse is the number of mbufs that are neither in the pool nor in a worker's
// cache; 0 once closed. While workers run it is an estimate.
func (p *Pool) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool == nil {
		return 0
	}
	return int(C.rte_mempool_in_use_count(p.pool))
}

// Close frees the pool. It is an error, and the pool stays, when mbufs are out
// or a port or vector takes mbufs from it: somebody would write into freed
// memory. A second call does nothing.
func (p *Pool) Close() error {
	r := p.rt
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := p.InUse(); n != 0 {
		return fmt.Errorf("pool %s: close: %d of %d mbufs are in use: %w", p.cfg.Name, n, p.cfg.Size, pmd.ErrBusy)
	}
	for _, port := range r.ports {
		if port.pool == p {
			return fmt.Errorf("pool %s: close: port %s receives into it: %w", p.cfg.Name, port.name, pmd.ErrBusy)
		}
	}
	for _, v := range r.vectors {
		if v.pool == p {
			return fmt.Errorf("pool %s: close: a worker's vector takes from it: %w", p.cfg.Name, pmd.ErrBusy)
		}
	}
	p.release()
	return nil
}

// release frees the pool whatever is in use. Under Runtime.mu.
func (p *Pool) release() {
	delete(p.rt.pools, p)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool != nil {
		C.rte_mempool_free(p.pool)
		p.pool = nil
	}
}

// lingerer is a pool whose port is gone. The driver kept held mbufs for good;
// while more are out, somebody else still has some.
type lingerer struct {
	pool *Pool
	held int
}

// sweep frees lingering pools that nobody uses any more. Under r.mu.
func (r *Runtime) sweep() {
	rest := r.lingering[:0]
	for _, l := range r.lingering {
		if l.pool.InUse() > l.held {
			rest = append(rest, l)
			continue
		}
		l.pool.release()
	}
	r.lingering = rest
}
