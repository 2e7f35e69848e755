package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// sendFinished sends what TxList holds. Frames that came unfinished are given to
// a device that can finish them, and finished here for others. They come from
// TAPs, where a frame costs a system call or two: what this costs beside one call
// for all of a step does not count.
func (s *PollSet) sendFinished() {
	for _, seg := range s.tx.Segs[:s.tx.N] {
		for _, m := range s.v.Packets(pmd.Burst{Off: seg.Off, N: seg.N}) {
			if m.Offload() {
				s.finish(seg.Slot, m)
			} else {
				s.put(seg.Slot, m)
			}
		}
		s.sendOut(seg.Slot)
	}
	s.tx.N = 0
}

// put sends m, when a few have come together.
func (s *PollSet) put(slot uint32, m *pmd.Mbuf) {
	s.out[s.outN] = m
	if s.outN++; s.outN == len(s.out) {
		s.sendOut(slot)
	}
}

// sendOut sends what has come together, all for one slot.
func (s *PollSet) sendOut(slot uint32) {
	if s.outN > 0 {
		C.ipvd_send(s.c, C.uint32_t(slot), C.uint32_t(s.outN))
		s.outN = 0
	}
}

// maxCopy is more than the mbufs of a copy of the longest frame.
const maxCopy = 64

// finish sends one unfinished frame.
func (s *PollSet) finish(slot uint32, m *pmd.Mbuf) {
	q := s.txQueues[slot]
	able := q.offloads&offload.Needs(m) != 0
	if m.Vnet().GSOType != 0 && !able {
		s.segment(slot, q, m)
		return
	}
	// The checksum is written, and others may refer to m.
	if s.v.NStock < maxCopy {
		s.v.Restock(s.v)
	}
	w := s.v.Writable(m)
	switch {
	case w == nil:
		q.unfinished.Add(1)
		s.v.Drop(m)
		return
	case able && offload.Hand(w, q.offloads):
	default:
		offload.Complete(w)
	}
	s.put(slot, w)
}

// segment sends the segments of m.
func (s *PollSet) segment(slot uint32, q *txQueue, m *pmd.Mbuf) {
	made := uint64(0)
	for s.cut.Start(m); s.cut.More(); made++ {
		seg := s.cut.Next(s.v)
		if seg == nil { // what is left of m is a packet dropped
			q.unfinished.Add(1)
			made++
			break
		}
		s.put(slot, seg)
	}
	q.segmented.Add(made - 1)
	s.v.Drop(m)
}
