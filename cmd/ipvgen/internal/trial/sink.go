package trial

import (
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/cmd/ipvgen/internal/track"
	"ipvd/flows"
	"ipvd/pmd"
)

// Counters of a sink, in the order of sinkSpecs.
const (
	cntOwn = iota
	cntDuplicate
	cntForeign
)

func sinkSpecs() []flows.CounterSpec {
	return []flows.CounterSpec{cntOwn: {Name: "own", Kind: flows.Out}, cntDuplicate: {Name: "duplicate", Kind: flows.Out},
		cntForeign: {Name: "foreign", Kind: flows.Out}}
}

// sink is the stage that takes what arrives. Worker only; the tracker may be
// read once the worker has ended.
type sink struct {
	vec      *pmd.Vector
	tracker  *track.Tracker
	now      func() int64
	run      uint16
	any      bool // the sender is another process: its first packet says which run
	plain    bool // the traffic bears no stamps: every packet is the load's
	counters []flows.Counter
}

// Push notes the packets and frees them. The clock is read once for all.
func (s *sink) Push(b flows.Burst) {
	now := s.now()
	var n [cntForeign + 1]uint64
	for _, m := range s.vec.Packets(b) {
		n[s.take(m, now)]++
	}
	if n[cntForeign] < uint64(b.N) {
		s.tracker.Arrive(now)
	}
	for i := range n {
		s.counters[i].Add(n[i])
	}
	s.vec.DropBurst(b)
}

// take notes a packet and gives the counter that it belongs to.
func (s *sink) take(m *pmd.Mbuf, now int64) int {
	if s.plain {
		return cntOwn
	}
	stamp, ok := profile.ReadStamp(tail(m))
	if !ok {
		return cntForeign
	}
	if s.any {
		s.any, s.run = false, stamp.Run
	}
	switch {
	case stamp.Run != s.run:
		return cntForeign
	case !s.tracker.Add(stamp.Seq, stamp.Sent, now):
		return cntDuplicate
	}
	return cntOwn
}

// tail is the last segment of a packet.
func tail(m *pmd.Mbuf) []byte {
	for m.Next() != nil {
		m = m.Next()
	}
	return m.Data()
}
