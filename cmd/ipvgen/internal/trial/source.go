package trial

import (
	"math"
	"sync/atomic"

	"ipvd/cmd/ipvgen/internal/pace"
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/pmd"
)

// source makes the packets of a load.
type source struct {
	// Worker only, until done.
	traffic profile.Traffic
	bucket  *pace.Bucket
	now     func() int64
	run     uint16
	seq     uint64 // of the next packet: packets made
	limit   uint64
	nanos   int64 // to send for
	start   int64
	last    int64 // when the last packet was made

	stop atomic.Bool // by the control plane: end now
	done atomic.Bool // by the worker: nothing comes any more
}

func newSource(traffic profile.Traffic, l Load, run uint16, now func() int64) *source {
	s := &source{traffic: traffic, bucket: pace.NewBucket(l.PPS, l.Train), now: now, run: run,
		limit: l.Count, nanos: int64(l.Duration)}
	if l.Count == 0 {
		s.limit = math.MaxUint64
	}
	if l.Duration == 0 {
		s.nanos = math.MaxInt64
	}
	return s
}

// make fills packets of ms that are due and gives their number. The clock is
// read once for all of them.
func (s *source) make(ms []*pmd.Mbuf) int {
	if s.done.Load() {
		return 0
	}
	now := s.now()
	if s.start == 0 {
		s.start = now
	}
	if now-s.start >= s.nanos || s.seq >= s.limit || s.stop.Load() {
		s.done.Store(true)
		return 0
	}
	n := s.bucket.Take(now, int(min(uint64(len(ms)), s.limit-s.seq)))
	for _, m := range ms[:n] {
		s.traffic.Fill(m, profile.Stamp{Run: s.run, Seq: s.seq, Sent: now})
		s.seq++
	}
	if n > 0 {
		s.last = now
	}
	return n
}

// seconds is how long the source sent: for the time that it was told, or up to
// its last packet.
func (s *source) seconds() float64 {
	if s.nanos != math.MaxInt64 && !s.stop.Load() && s.seq < s.limit {
		return float64(s.nanos) / 1e9
	}
	return float64(s.last-s.start) / 1e9
}
