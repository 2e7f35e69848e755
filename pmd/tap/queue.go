package tap

import (
	"sync/atomic"

	"ipvd/pmd"
)

// queue is the RX or the TX queue of a port. One worker reads an RX queue, any
// number send to a TX queue.
type queue struct {
	port  *Port
	stats counters
}

// Port is the port that the queue belongs to.
func (q *queue) Port() pmd.Port { return q.port }

// Index is 0: a TAP has one queue each way.
func (q *queue) Index() int { return 0 }

// Stats reads the counters, from any goroutine.
func (q *queue) Stats() pmd.QueueStats { return q.stats.load() }

// counters are added to once a burst: several workers may share a queue.
type counters struct {
	packets, bytes, full, tooBig, refused, coalesced, noMbuf, errors atomic.Uint64
}

func (c *counters) add(t pmd.QueueStats) {
	if t.Packets != 0 {
		c.packets.Add(t.Packets)
		c.bytes.Add(t.Bytes)
	}
	if t.Coalesced != 0 {
		c.coalesced.Add(t.Coalesced)
	}
	if t.Full|t.TooBig|t.Refused|t.NoMbuf|t.Errors != 0 {
		c.full.Add(t.Full)
		c.tooBig.Add(t.TooBig)
		c.refused.Add(t.Refused)
		c.noMbuf.Add(t.NoMbuf)
		c.errors.Add(t.Errors)
	}
}

func (c *counters) load() pmd.QueueStats {
	return pmd.QueueStats{
		Packets: c.packets.Load(), Bytes: c.bytes.Load(), Coalesced: c.coalesced.Load(), Full: c.full.Load(),
		TooBig: c.tooBig.Load(), Refused: c.refused.Load(), NoMbuf: c.noMbuf.Load(), Errors: c.errors.Load(),
	}
}
