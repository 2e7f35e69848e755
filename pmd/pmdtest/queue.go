package pmdtest

import (
	"sync"
	"sync/atomic"
	"time"

	"ipvd/pmd"
)

// RxQueue is a queue of frames that a test injected.
type RxQueue struct {
	port    *Port
	index   int
	driving atomic.Bool
	stall   atomic.Pointer[chan struct{}]
	hangs   atomic.Bool

	mu     sync.Mutex
	frames []Frame
	replay bool
	at     int // of replay
	stats  pmd.QueueStats
	meter  uint64 // bytes that the worker has counted
	owed   uint64 // and those that it was to count

	interrupts bool
	gather     time.Duration
	reportTo   int // eventfd of the set that has armed the queue; -1: none
}

// TxQueue is a queue of frames that a test takes.
type TxQueue struct {
	port    *Port
	index   int
	driving atomic.Bool

	mu    sync.Mutex
	sent  []Frame
	stats pmd.QueueStats
}

// Port is the queue's port.
func (q *RxQueue) Port() pmd.Port { return q.port }

// Port is the queue's port.
func (q *TxQueue) Port() pmd.Port { return q.port }

// Index is the queue's number.
func (q *RxQueue) Index() int { return q.index }

// Index is the queue's number.
func (q *TxQueue) Index() int { return q.index }

// Stats counts what was received.
func (q *RxQueue) Stats() pmd.QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Bytes += atomic.LoadUint64(&q.meter)
	return s
}

// Stats counts what was sent or dropped.
func (q *TxQueue) Stats() pmd.QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stats
}

// Inject queues copies of frames, to be received from queue.
func (p *Port) Inject(queue int, frames ...[]byte) {
	for _, f := range frames {
		p.InjectUnfinished(queue, Frame{Bytes: f})
	}
}

// Replay makes queue receive frames over and over, a full burst each step,
// without allocation.
func (p *Port) Replay(queue int, frames ...[]byte) {
	q := p.rx[queue]
	q.mu.Lock()
	defer q.mu.Unlock()
	q.frames, q.replay, q.at = nil, len(frames) > 0, 0
	for _, f := range frames {
		q.frames = append(q.frames, Frame{Bytes: f})
	}
}

// Waiting is the number of injected frames that are not received yet.
func (p *Port) Waiting(queue int) int {
	q := p.rx[queue]
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.frames)
}

// Stall makes the worker that polls queue hang in Receive, once it gets there,
// until resume is called.
func (p *Port) Stall(queue int) (resume func()) {
	gate := make(chan struct{})
	p.rx[queue].stall.Store(&gate)
	return func() {
		p.rx[queue].stall.Store(nil)
		close(gate)
	}
}

// Stalled reports that a worker hangs in Receive of queue because of Stall.
func (p *Port) Stalled(queue int) bool { return p.rx[queue].hangs.Load() }

// Sent takes the frames that queue has sent since the last call, nil when none.
func (p *Port) Sent(queue int) (frames [][]byte) {
	for _, f := range p.SentUnfinished(queue) {
		frames = append(frames, f.Bytes)
	}
	return frames
}

// receive appends up to burst packets to v and gives their number. With metered the
// worker counts their bytes.
func (q *RxQueue) receive(v *pmd.Vector, burst int, metered bool) int {
	if gate := q.stall.Load(); gate != nil {
		q.hangs.Store(true)
		<-*gate
		q.hangs.Store(false)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n, taken := 0, 0
	for n < burst && v.Left() > 0 && taken < len(q.frames) {
		frame := q.frames[taken]
		if q.replay {
			frame = q.frames[q.at%len(q.frames)]
			q.at++
		} else {
			taken++
		}
		m := q.port.rt.Pool().packet(frame.Bytes)
		if m != nil && frame.Vnet != (pmd.VnetHdr{}) && !q.accept(v, m, frame.Vnet) {
			continue
		}
		if m == nil {
			q.stats.NoMbuf++
			if q.replay {
				break
			}
			continue
		}
		v.Append(m)
		q.stats.Packets++
		if metered {
			q.owed += uint64(len(frame.Bytes))
		} else {
			q.stats.Bytes += uint64(len(frame.Bytes))
		}
		n++
	}
	if q.frames = q.frames[taken:]; len(q.frames) == 0 {
		q.frames = nil
	}
	return n
}

// packet makes a packet of frame, nil when the pool has too few mbufs for it.
func (p *Pool) packet(frame []byte) *pmd.Mbuf {
	head := p.Get()
	if head == nil || head.SetLen(len(frame)) {
		if head != nil {
			copy(head.Data(), frame)
		}
		return head
	}
	var segs []*pmd.Mbuf
	lens := []int{p.room}
	for left := len(frame) - p.room; left > 0; left -= p.room {
		s := p.Get()
		if s == nil {
			for _, m := range append(segs, head) {
				p.rt.Free(m)
			}
			return nil
		}
		segs, lens = append(segs, s), append(lens, min(left, p.room))
	}
	head.Chain(segs, lens)
	for s := head; s != nil; s = s.Next() {
		frame = frame[copy(s.Data(), frame):]
	}
	return head
}

// send takes one reference to m, as a driver that linearises what has too many
// segments for it.
func (q *TxQueue) send(v *pmd.Vector, m *pmd.Mbuf) {
	info := q.port.Info()
	q.mu.Lock()
	defer q.mu.Unlock()
	if m.Offload() && !finishes(info.Caps.Offloads, m) {
		q.finish(v, m, &info)
	} else {
		q.store(m, &info)
	}
	q.port.rt.Free(m)
}

// store counts m, which stays the caller's, and keeps its bytes if it is sent.
func (q *TxQueue) store(m *pmd.Mbuf, info *pmd.Info) {
	q.port.mu.Lock()
	down, capacity, discard := q.port.down || q.port.closed, q.port.cap, q.port.discard
	q.port.mu.Unlock()
	switch {
	case down:
		q.stats.Refused++
	case info.Caps.MaxFrame > 0 && m.Longest() > info.Caps.MaxFrame:
		q.stats.TooBig++
	case capacity > 0 && len(q.sent) >= capacity:
		q.stats.Full++
	default:
		q.stats.Packets++
		q.stats.Bytes += uint64(m.Len())
		if !discard {
			q.sent = append(q.sent, Frame{Bytes(m), header(m)})
		}
	}
}

// Bytes is a copy of the whole packet m, all its segments.
func Bytes(m *pmd.Mbuf) []byte {
	frame := make([]byte, 0, m.Len())
	for s := m; s != nil; s = s.Next() {
		frame = append(frame, s.Data()...)
	}
	return frame
}
