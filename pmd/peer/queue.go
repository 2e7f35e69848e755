package peer

import (
	"runtime"
	"sync/atomic"

	"ipvd/pmd"
)

// RxQueue is a queue of frames that the peer sends. One worker reads it.
type RxQueue struct {
	port  *Port
	index int
	end   atomic.Pointer[rxEnd] // nil: no peer
	kick  atomic.Int64          // its descriptor to sleep on; -1: none
	stats counters
}

type rxEnd struct{ ring Receiver }

// TxQueue is a queue of frames for the peer.
type TxQueue struct {
	port  *Port
	index int
	end   atomic.Pointer[txEnd] // nil: no peer
	stats counters
}

// txEnd is a ring, with a lock for several workers.
type txEnd struct {
	ring   Sender
	able   pmd.Offloads
	shared bool // by several queues
	lock   atomic.Bool
}

// spins is how often a worker looks at a lock before it lets others run: who has it
// is at work on another CPU, as a rule.
const spins = 1000

func (e *txEnd) acquire() {
	for n := 1; !e.lock.CompareAndSwap(false, true); n++ {
		if n%spins == 0 {
			runtime.Gosched()
		}
	}
}

func (e *txEnd) release() { e.lock.Store(false) }

// Port is the queue's port.
func (q *RxQueue) Port() pmd.Port { return q.port }

// Index is the queue's number.
func (q *RxQueue) Index() int { return q.index }

// Stats reads the counters, from any goroutine.
func (q *RxQueue) Stats() pmd.QueueStats { return q.stats.load() }

// Port is the queue's port.
func (q *TxQueue) Port() pmd.Port { return q.port }

// Index is the queue's number.
func (q *TxQueue) Index() int { return q.index }

// Stats reads the counters, from any goroutine.
func (q *TxQueue) Stats() pmd.QueueStats { return q.stats.load() }

// counters are added to once a burst: several workers may share a queue.
type counters struct {
	packets, bytes, full, tooBig, refused, segmented, noMbuf, errors atomic.Uint64
}

func (c *counters) add(t *pmd.QueueStats) {
	if t.Packets != 0 {
		c.packets.Add(t.Packets)
		c.bytes.Add(t.Bytes)
	}
	if t.Full|t.TooBig|t.Refused|t.Segmented|t.NoMbuf|t.Errors != 0 {
		c.full.Add(t.Full)
		c.tooBig.Add(t.TooBig)
		c.refused.Add(t.Refused)
		c.segmented.Add(t.Segmented)
		c.noMbuf.Add(t.NoMbuf)
		c.errors.Add(t.Errors)
	}
}

func (c *counters) load() pmd.QueueStats {
	return pmd.QueueStats{
		Packets: c.packets.Load(), Bytes: c.bytes.Load(), Full: c.full.Load(), TooBig: c.tooBig.Load(),
		Refused: c.refused.Load(), Segmented: c.segmented.Load(), NoMbuf: c.noMbuf.Load(), Errors: c.errors.Load(),
	}
}
