package flows

import "ipvd/pmd"

// Burst is a list of packets, a range of the worker's vector.
type Burst = pmd.Burst

// Stage is a step in a packet's way. Push takes ownership of the burst's
// packets: the stage hands each of them on to one of its edges, or drops it
// and counts it, before Push returns. A stage belongs to one worker, which
// calls it from one goroutine; it holds no packet between two steps of the
// worker. In Push: no allocation, map, lock, channel, defer, log or system call.
type Stage interface {
	Push(b Burst)
}

// Meter is a Stage that learns how long the packets are that it gets. Behind a queue
// whose set would have to look at them for that (pmd.Metered), it counts in its place.
type Meter interface {
	Stage
	// PushMetered is Push, and gives the packets' lengths in all, as they came, in bytes.
	// When it panics nobody counts them.
	PushMetered(b Burst) (bytes uint64)
}

// Verdict is where a classifier sends a packet: the index of an edge.
type Verdict = uint32

// Output is the last stage of a way: it queues bursts on a TX queue. The
// exchange that follows the step sends them, and counts what the queue refuses.
type Output struct {
	set    pmd.PollSet
	list   *pmd.SegList
	slot   uint32
	shared bool
	given  *given
	watch  *watch
	q      pmd.TxQueue
}

// Push queues b for sending. It gives away one reference of each packet.
func (o *Output) Push(b Burst) {
	if !o.list.Add(o.slot, b) {
		o.makeRoom(b)
	}
}

// makeRoom sends what the list has, which is full, and queues b.
func (o *Output) makeRoom(b Burst) {
	o.given.note(o.list)
	if o.watch != nil {
		o.watch.queued()
	}
	o.set.Flush()
	if o.watch != nil {
		o.watch.passed()
	}
	o.list.Add(o.slot, b)
}

// Queue is the queue that o sends to.
func (o *Output) Queue() pmd.TxQueue { return o.q }
