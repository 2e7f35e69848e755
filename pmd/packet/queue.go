package packet

import (
	"sync/atomic"

	"ipvd/pmd"
)

// queue is the RX or the TX queue of a port. One worker reads an RX queue, any
// number send to a TX queue.
type queue struct {
	port *Port

	packets, bytes, full, tooBig, refused, errors atomic.Uint64
}

// Port is the port that the queue belongs to.
func (q *queue) Port() pmd.Port { return q.port }

// Index is 0: a port has one queue each way.
func (q *queue) Index() int { return 0 }

// Stats reads the counters, from any goroutine.
func (q *queue) Stats() pmd.QueueStats {
	return pmd.QueueStats{
		Packets: q.packets.Load(), Bytes: q.bytes.Load(), Full: q.full.Load(),
		TooBig: q.tooBig.Load(), Refused: q.refused.Load(), Errors: q.errors.Load(),
	}
}

// add counts a burst: several workers may share a queue.
func (q *queue) add(t pmd.QueueStats) {
	if t.Packets != 0 {
		q.packets.Add(t.Packets)
		q.bytes.Add(t.Bytes)
	}
	if t.Full|t.TooBig|t.Refused|t.Errors != 0 {
		q.full.Add(t.Full)
		q.tooBig.Add(t.TooBig)
		q.refused.Add(t.Refused)
		q.errors.Add(t.Errors)
	}
}
