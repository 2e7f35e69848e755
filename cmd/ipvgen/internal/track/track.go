// Package track keeps account of stamped packets that arrive: which of a sender's
// are there, in which order they came, and how long they took.
package track

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept from 1 ns to 60 s with 3 digits, in fixed memory.
const (
	minLatency = 1
	maxLatency = 60e9
	digits     = 3
)

// window is how many of the last sequence numbers are remembered, to tell a
// duplicate from a packet that comes late. A power of 2.
const window = 1 << 20

// Tracker is the account of one sender. It does not allocate once it is made.
// One goroutine; the others read it after the worker has ended.
type Tracker struct {
	seen       []uint64 // bits of the last window sequence numbers
	next       uint64   // one above the highest number seen
	unique     uint64
	duplicates uint64
	reordered  uint64
	latency    *hdrhistogram.Histogram
	firstAt    int64
	lastAt     int64
	gap        Gap
}

// Gap is a time without packets, in nanoseconds of the clock that was given.
type Gap struct {
	From, To int64
}

// Len is the length of the gap in nanoseconds.
func (g Gap) Len() int64 { return g.To - g.From }

// New makes an account without packets.
func New() *Tracker {
	return &Tracker{seen: make([]uint64, window/64), latency: hdrhistogram.New(minLatency, maxLatency, digits)}
}

// Arrive notes that packets arrived at time now, in nanoseconds: gaps are
// measured between calls.
func (t *Tracker) Arrive(now int64) {
	if t.firstAt == 0 {
		t.firstAt = now
	} else if now-t.lastAt > t.gap.Len() {
		t.gap = Gap{t.lastAt, now}
	}
	t.lastAt = now
}

// Add notes packet seq, sent at sent and arrived at now. A packet that comes
// after one with a higher number is reordered (RFC 4737, section 3.3); one that
// came before is a duplicate, and its latency does not count. A packet more than
// the window behind counts as reordered, whatever it is. It reports whether the
// packet is no duplicate.
func (t *Tracker) Add(seq uint64, sent, now int64) (fresh bool) {
	if seq >= t.next {
		t.advance(seq)
	} else {
		if t.next-seq <= window && t.seen[seq%window/64]&(1<<(seq%64)) != 0 {
			t.duplicates++
			return false
		}
		t.reordered++
	}
	t.seen[seq%window/64] |= 1 << (seq % 64)
	t.unique++
	// The bounds make the only error, a value out of range, impossible.
	_ = t.latency.RecordValue(min(max(now-sent, minLatency), maxLatency))
	return true
}

// advance makes seq the highest number, and forgets what leaves the window.
func (t *Tracker) advance(seq uint64) {
	if seq-t.next >= window {
		clear(t.seen)
	} else {
		for s := t.next; s <= seq; {
			if s%64 == 0 && seq-s >= 64 {
				t.seen[s%window/64] = 0
				s += 64
				continue
			}
			t.seen[s%window/64] &^= 1 << (s % 64)
			s++
		}
	}
	t.next = seq + 1
}

// Counts is what became of a sender's packets.
type Counts struct {
	Received   uint64 // without duplicates
	Duplicates uint64
	Reordered  uint64
	Highest    uint64 // the highest sequence number seen, plus 1
}

// Counts gives the numbers so far.
func (t *Tracker) Counts() Counts {
	return Counts{t.unique, t.duplicates, t.reordered, t.next}
}

// Span is when the first and the last packets arrived, in nanoseconds; zeros
// when none did.
func (t *Tracker) Span() (first, last int64) { return t.firstAt, t.lastAt }

// LongestGap is the longest time between two arrivals.
func (t *Tracker) LongestGap() Gap { return t.gap }

// Latency is a distribution of latencies, in nanoseconds.
type Latency struct {
	Count       int64        `json:"count"`
	Min         int64        `json:"min_ns"`
	Mean        float64      `json:"mean_ns"`
	Max         int64        `json:"max_ns"`
	Percentiles []Percentile `json:"percentiles"`
}

// Percentile is the latency that Percent of all packets did not exceed.
type Percentile struct {
	Percent float64 `json:"percent"`
	Nanos   int64   `json:"ns"`
}

// percents are the percentiles of a Latency.
func percents() []float64 {
	return []float64{1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100}
}

// Latency sums up the latencies so far; the zero value when there are none.
func (t *Tracker) Latency() Latency {
	h := t.latency
	if h.TotalCount() == 0 {
		return Latency{}
	}
	l := Latency{Count: h.TotalCount(), Min: h.Min(), Mean: h.Mean(), Max: h.Max()}
	for _, p := range percents() {
		l.Percentiles = append(l.Percentiles, Percentile{p, h.ValueAtPercentile(p)})
	}
	return l
}

// At is the latency that percent of the packets did not exceed: that of the
// nearest percentile which is not below.
func (l Latency) At(percent float64) int64 {
	best := Percentile{Percent: math.Inf(1)}
	for _, p := range l.Percentiles {
		if p.Percent >= percent && p.Percent < best.Percent {
			best = p
		}
	}
	return best.Nanos
}
