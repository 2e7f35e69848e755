package pace

import "math"

// Bucket tells how many packets are due. Time that a sender lost, because its
// CPU was taken away or a step was long, is made good up to the bucket's depth;
// what lies beyond is forgone, for sending it at once would overrun the device
// under test with a burst that nobody asked for. Worker only.
type Bucket struct {
	perNano float64 // packets per nanosecond; +Inf: never wait
	train   int     // packets that leave back to back
	depth   float64
	credit  float64
	owed    int // of the trains begun
	last    int64
	started bool
	forgone float64
}

// depthTrains is how many trains, or packets when that is more, a bucket holds.
const (
	depthTrains  = 2
	depthPackets = 256
)

// NewBucket makes a bucket for pps packets per second on average, +Inf for no
// limit, that leave in trains of the given number of packets, 1 or more.
func NewBucket(pps float64, train int) *Bucket {
	train = max(train, 1)
	return &Bucket{perNano: pps / 1e9, train: train, depth: math.Max(depthPackets, float64(depthTrains*train))}
}

// Take gives how many of room packets to send at time now, in nanoseconds. The
// first call starts the time.
func (b *Bucket) Take(now int64, room int) int {
	if math.IsInf(b.perNano, 1) {
		return room
	}
	if !b.started {
		b.started, b.last = true, now
	}
	b.credit += float64(now-b.last) * b.perNano
	b.last = now
	if over := b.credit + float64(b.owed) - b.depth; over > 0 {
		b.credit -= over
		b.forgone += over
	}
	whole := int(math.Max(b.credit, 0)) / b.train * b.train
	b.credit -= float64(whole)
	b.owed += whole
	n := min(b.owed, room)
	b.owed -= n
	return n
}

// Forgone is the number of packets that were never sent because the sender came
// too late for them.
func (b *Bucket) Forgone() uint64 { return uint64(b.forgone) }
