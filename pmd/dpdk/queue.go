package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"sync/atomic"
	"unsafe"

	"ipvd/pmd"
)

// rxQueue is a receive queue; its counters lie in C's memory with its port's.
type rxQueue struct {
	port *Port
	c    *C.struct_ipvd_rxq
	// What to sleep on until there are packets, -1 if nothing, and whether it
	// must be switched.
	waitFD     int
	interrupts bool
}

// txQueue is a transmit queue.
type txQueue struct {
	port     *Port
	c        *C.struct_ipvd_txq
	offloads pmd.Offloads // what the device finishes; set before it starts
	// Of unfinished frames; several workers may share a queue.
	segmented, unfinished atomic.Uint64
}

func (q *rxQueue) Port() pmd.Port { return q.port }
func (q *rxQueue) Index() int     { return int(q.c.queue) }
func (q *txQueue) Port() pmd.Port { return q.port }
func (q *txQueue) Index() int     { return int(q.c.queue) }

// Stats has no NoMbuf and Errors: ethdev counts these by port (PortStats).
func (q *rxQueue) Stats() pmd.QueueStats {
	return pmd.QueueStats{Packets: load(&q.c.packets), Bytes: load(&q.c.bytes)}
}

// Stats counts a packet that could not be made linear or finished for want of
// an mbuf as Full, and as Refused one that the driver could not finish after
// all: ethdev does not tell why a driver took no more.
func (q *txQueue) Stats() pmd.QueueStats {
	return pmd.QueueStats{Packets: load(&q.c.packets), Bytes: load(&q.c.bytes), TooBig: load(&q.c.too_big),
		Full: load(&q.c.full) + q.unfinished.Load(), Refused: load(&q.c.refused), Segmented: q.segmented.Load()}
}

// load reads a counter that C writes.
func load(c *C.uint64_t) uint64 { return atomic.LoadUint64((*uint64)(unsafe.Pointer(c))) }
