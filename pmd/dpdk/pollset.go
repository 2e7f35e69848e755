package dpdk

/*
#include <stdlib.h>
#include "shim.h"
#cgo noescape ipvd_exchange
#cgo nocallback ipvd_exchange
#cgo noescape ipvd_flush
#cgo nocallback ipvd_flush
#cgo noescape ipvd_send
#cgo nocallback ipvd_send
*/
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// PollSet drives the ethdev queues of one worker: all of a step's sending,
// freeing, allocating and receiving is one call into C, made by Receive.
type PollSet struct {
	rt      *Runtime
	v       *pmd.Vector
	c       *C.struct_ipvd_set
	rx, tx  pmd.SegList
	rxSlots []C.struct_ipvd_rxslot // control only: what c.rx is made from
	txSlots []C.struct_ipvd_txslot

	rxQueues []*rxQueue
	txQueues []*txQueue
	cut      offload.Segmenter
	out      []*pmd.Mbuf // c.out
	outN     int
	waitFD   int // -1: none yet, or none to be had
	joined   int // queues that waitFD speaks for

	ports []*Port // of each queue added
}

var _ pmd.Metered = (*PollSet)(nil)

// NewPollSet makes a set for the worker that owns v, which must be a vector of
// this runtime. Several sets may be made for one vector, one of which may be in
// use.
func (r *Runtime) NewPollSet(v *pmd.Vector) (pmd.PollSet, error) {
	r.mu.Lock()
	mem := r.vectors[v]
	r.mu.Unlock()
	if mem == nil {
		return nil, fmt.Errorf("poll set: the vector is not of this runtime: %w", pmd.ErrUnsupported)
	}
	s := &PollSet{rt: r, v: v, c: (*C.struct_ipvd_set)(C.ipvd_zalloc(C.sizeof_struct_ipvd_set)), waitFD: -1}
	if s.c == nil {
		return nil, fmt.Errorf("poll set: %w", pmd.ErrNoMemory)
	}
	s.c.v = mem.c
	s.c.max_frame, s.c.max_segs = math.MaxUint32, math.MaxUint32
	// A packet may go to many queues, so that there can be more segments than
	// packets.
	room := 1024 + 4*len(v.Pkts)
	s.c.txsegs = segArray(room)
	if s.c.txsegs == nil {
		C.free(unsafe.Pointer(s.c))
		return nil, fmt.Errorf("poll set: list of %d segments: %w", room, pmd.ErrNoMemory)
	}
	s.tx.Segs = segs(s.c.txsegs, room)
	s.out = unsafe.Slice((**pmd.Mbuf)(unsafe.Pointer(&s.c.out[0])), len(s.c.out))
	return s, nil
}

// AddRx adds a queue of this runtime's ports.
func (s *PollSet) AddRx(q pmd.RxQueue, burst int) (uint32, error) {
	rq, ok := q.(*rxQueue)
	if !ok || rq.port.rt != s.rt {
		return 0, fmt.Errorf("poll set: RX queue of port %s is not DPDK's: %w", q.Port().Name(), pmd.ErrUnsupported)
	}
	if burst <= 0 || burst > len(s.v.Pkts) {
		return 0, fmt.Errorf("poll set: port %s: burst %d: not in 1 to %d", rq.port.name, burst, len(s.v.Pkts))
	}
	slots := append(s.rxSlots, C.struct_ipvd_rxslot{q: rq.c, burst: C.uint32_t(burst)})
	mem := (*C.struct_ipvd_rxslot)(copyOut(unsafe.Pointer(&slots[0]), len(slots)*C.sizeof_struct_ipvd_rxslot))
	list := segArray(len(slots))
	if err := s.hold(rq.port, mem != nil && list != nil); err != nil {
		C.free(unsafe.Pointer(mem))
		C.free(unsafe.Pointer(list))
		return 0, fmt.Errorf("poll set: add RX queue %d of port %s: %w", q.Index(), rq.port.name, err)
	}
	C.free(unsafe.Pointer(s.c.rx))
	C.free(unsafe.Pointer(s.c.rxsegs))
	s.rxSlots, s.c.rx, s.c.rxsegs = slots, mem, list
	s.c.nrx = C.uint32_t(len(slots))
	s.rxQueues = append(s.rxQueues, rq)
	s.rx.Segs = segs(list, len(slots))
	return uint32(len(slots) - 1), nil
}

// Meter leaves it to the worker to count a receive slot's bytes: reading lengths here
// would be one more turn over the packets' memory.
func (s *PollSet) Meter(slot uint32) *uint64 {
	s.rxSlots[slot].metered = 1
	unsafe.Slice(s.c.rx, len(s.rxSlots))[slot].metered = 1
	return (*uint64)(unsafe.Pointer(&s.rxQueues[slot].c.bytes))
}

// AddTx adds a queue of this runtime's ports; with shared, bursts are sent under
// the queue's lock, and every set that holds the queue must say so.
func (s *PollSet) AddTx(q pmd.TxQueue, shared bool) (uint32, error) {
	tq, ok := q.(*txQueue)
	if !ok || tq.port.rt != s.rt {
		return 0, fmt.Errorf("poll set: TX queue of port %s is not DPDK's: %w", q.Port().Name(), pmd.ErrUnsupported)
	}
	slots := append(s.txSlots, C.struct_ipvd_txslot{q: tq.c, shared: C.uint32_t(flag(shared)), port: tq.c.port, queue: tq.c.queue})
	mem := (*C.struct_ipvd_txslot)(copyOut(unsafe.Pointer(&slots[0]), len(slots)*C.sizeof_struct_ipvd_txslot))
	if err := s.hold(tq.port, mem != nil); err != nil {
		C.free(unsafe.Pointer(mem))
		return 0, fmt.Errorf("poll set: add TX queue %d of port %s: %w", q.Index(), tq.port.name, err)
	}
	C.free(unsafe.Pointer(s.c.tx))
	s.txSlots, s.c.tx = slots, mem
	s.txQueues = append(s.txQueues, tq)
	s.c.ntx = C.uint32_t(len(slots))
	s.c.max_frame = min(s.c.max_frame, tq.c.max_frame)
	s.c.max_segs = min(s.c.max_segs, C.uint32_t(tq.c.max_segs))
	s.tx.MaxFrame = uint32(s.c.max_frame)
	return uint32(len(slots) - 1), nil
}

// TxList is where bursts to send are queued.
func (s *PollSet) TxList() *pmd.SegList { return &s.tx }

// RxList is what the last Receive received.
func (s *PollSet) RxList() *pmd.SegList { return &s.rx }

// Calls is the number of calls into C so far: one for each Receive and Flush.
func (s *PollSet) Calls() uint64 { return load(&s.c.calls) }

// Send sends what TxList holds if some of it must be finished first, else it is
// left to Receive.
func (s *PollSet) Send() {
	if s.v.Offloads > 0 {
		s.sendFinished()
	}
}

// Receive sends TxList, frees the vector's Free list, fills its stock up and
// receives from all queues, in one call.
func (s *PollSet) Receive() {
	v, c := s.v, s.c
	C.ipvd_exchange(C.uintptr_t(uintptr(unsafe.Pointer(c))), C.uint32_t(s.tx.N), C.uint32_t(v.N), C.uint32_t(v.NFree), C.uint32_t(v.NStock))
	s.tx.N, v.NFree = 0, 0
	v.N, v.NStock, s.rx.N = int(c.pkts), int(c.stock), int(c.segs)
}

// Flush sends TxList and frees the vector's Free list.
func (s *PollSet) Flush() {
	s.Send()
	C.ipvd_flush(s.c, C.uint32_t(s.tx.N), C.uint32_t(s.v.NFree))
	s.tx.N, s.v.NFree = 0, 0
}

// Close frees the set and lets go of its queues. What TxList holds must have
// been flushed. A second call does nothing.
func (s *PollSet) Close() {
	if s.c == nil {
		return
	}
	for _, p := range s.ports {
		p.sets.Add(-1)
	}
	s.ports = nil
	if s.waitFD >= 0 {
		unix.Close(s.waitFD)
	}
	C.free(unsafe.Pointer(s.c.rx))
	C.free(unsafe.Pointer(s.c.tx))
	C.free(unsafe.Pointer(s.c.rxsegs))
	C.free(unsafe.Pointer(s.c.txsegs))
	C.free(unsafe.Pointer(s.c))
	s.c, s.rx, s.tx, s.out = nil, pmd.SegList{}, pmd.SegList{}, nil
}

// hold keeps p from being closed while the set has its queue, whose memory has
// been allocated or not.
func (s *PollSet) hold(p *Port, allocated bool) error {
	if !allocated {
		return pmd.ErrNoMemory
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return pmd.ErrClosed
	}
	p.sets.Add(1)
	s.ports = append(s.ports, p)
	return nil
}

// segArray allocates a list of n segments; nil if it cannot.
func segArray(n int) *C.struct_ipvd_seg {
	return (*C.struct_ipvd_seg)(C.ipvd_zalloc(C.size_t(n) * C.sizeof_struct_ipvd_seg))
}

// segs is C's list as Go sees it; both have four uint32.
func segs(p *C.struct_ipvd_seg, n int) []pmd.Seg {
	return unsafe.Slice((*pmd.Seg)(unsafe.Pointer(p)), n)
}

// copyOut copies n bytes to C's memory; nil if there is none.
func copyOut(from unsafe.Pointer, n int) unsafe.Pointer {
	to := C.ipvd_zalloc(C.size_t(n))
	if to != nil {
		copy(unsafe.Slice((*byte)(to), n), unsafe.Slice((*byte)(from), n))
	}
	return to
}
