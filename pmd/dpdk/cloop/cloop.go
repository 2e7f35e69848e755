// Package cloop is what a C program on DPDK would run: the loops that benchmarks
// measure pmd/dpdk and the data plane against. Ports are DPDK's numbers, bursts
// have at most 256 packets, and a loop that receives packets gives their number
// and gives up after a million empty polls. The calling thread must be
// registered as a worker.
package cloop

/*
#cgo pkg-config: libdpdk
#include "cloop.h"
*/
import "C"

import "time"

// MaxBurst is the longest burst of the loops.
const MaxBurst = C.CLOOP_BURST

// Forward moves packets from queue 0 of one port to queue 0 of another until it
// has received so many.
func Forward(from, to, burst int, packets uint64) uint64 {
	return uint64(C.cloop_forward(C.uint16_t(from), C.uint16_t(to), clamp(burst), C.uint64_t(packets)))
}

// Replicate sends every packet from queue 0 of one port to the first queues of
// another, by reference count, until it has received so many.
func Replicate(from, to, queues, burst int, packets uint64) uint64 {
	return uint64(C.cloop_replicate(C.uint16_t(from), C.uint16_t(to), C.uint16_t(queues), clamp(burst), C.uint64_t(packets)))
}

// Poll looks turns times at the first queues of a port, which are expected to be
// empty, and gives the packets that it freed.
func Poll(port, queues, burst int, turns uint64) uint64 {
	return uint64(C.cloop_poll(C.uint16_t(port), C.uint16_t(queues), clamp(burst), C.uint64_t(turns)))
}

// Gaps moves packets from queue 0 of one port to queue 0 of another for a while
// and gives how often more than gap passed between two polls.
func Gaps(from, to, burst int, during, gap time.Duration) uint64 {
	return uint64(C.cloop_gaps(C.uint16_t(from), C.uint16_t(to), clamp(burst), C.uint64_t(during), C.uint64_t(gap)))
}

func clamp(burst int) C.uint16_t { return C.uint16_t(max(1, min(burst, MaxBurst))) }
