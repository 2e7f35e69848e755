package rawip

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// maxBursts is how many bursts can be queued for sending.
const maxBursts = 1024

// Driver makes poll sets for ports of this package.
type Driver struct{}

// NewPollSet makes an empty set for the worker whose vector is v.
func (Driver) NewPollSet(v *pmd.Vector) (pmd.PollSet, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("rawip: make poll set: epoll_create1: %w", err)
	}
	return &PollSet{
		v: v, epfd: epfd, txList: pmd.SegList{Segs: make([]pmd.Seg, maxBursts)},
		v4: newBatch4(), v6: newBatch6(),
		frag: new(fragSender), made: make([]*pmd.Mbuf, 0, maxMsgs),
	}, nil
}

// PollSet sends what one worker hands to the kernel.
type PollSet struct {
	v      *pmd.Vector
	epfd   int // has no members
	txs    []*Port
	rxList pmd.SegList // always empty
	txList pmd.SegList
	v4, v6 *batch
	frag   *fragSender
	cut    offload.Segmenter
	made   []*pmd.Mbuf // packets of ours in the batches
}

var (
	_ pmd.PollSet = (*PollSet)(nil)
	_ pmd.Waiter  = (*PollSet)(nil)
)

// AddRx fails: nothing is received.
func (s *PollSet) AddRx(q pmd.RxQueue, _ int) (slot uint32, err error) {
	return 0, fmt.Errorf("rawip: read queue %d of %s: %w", q.Index(), q.Port().Name(), pmd.ErrUnsupported)
}

// AddTx adds a port's queue. The kernel takes packets of any thread, so that
// sharing it costs nothing.
func (s *PollSet) AddTx(q pmd.TxQueue, _ bool) (slot uint32, err error) {
	t, ok := q.(*queue)
	if !ok {
		return 0, fmt.Errorf("rawip: send to queue %d of %s: %w", q.Index(), q.Port().Name(), pmd.ErrUnsupported)
	}
	s.txs = append(s.txs, t.port)
	return uint32(len(s.txs) - 1), nil
}

// TxList is where stages queue bursts of Ethernet frames.
func (s *PollSet) TxList() *pmd.SegList { return &s.txList }

// RxList is empty.
func (s *PollSet) RxList() *pmd.SegList { return &s.rxList }

// Receive receives nothing.
func (s *PollSet) Receive() {}

// Flush sends what is queued.
func (s *PollSet) Flush() { s.Send() }

// WaitFD is never readable.
func (s *PollSet) WaitFD() (fd int, all bool) { return s.epfd, true }

// Close frees the set.
func (s *PollSet) Close() {
	if s.epfd >= 0 {
		unix.Close(s.epfd)
		s.epfd = -1
	}
}

// Send hands what is queued to the kernel, in batches. Every packet is given
// up.
func (s *PollSet) Send() {
	for _, seg := range s.txList.Segs[:s.txList.N] {
		b := pmd.Burst{Off: seg.Off, N: seg.N}
		s.sendBurst(s.txs[seg.Slot], s.v.Packets(b))
		s.v.DropBurst(b)
	}
	s.txList.N = 0
}

func (s *PollSet) sendBurst(p *Port, pkts []*pmd.Mbuf) {
	var t tally
	for _, m := range pkts {
		if m.Offload() {
			s.finish(p, m, &t)
		} else {
			s.add(p, m, &t)
		}
	}
	s.flushAll(p, &t)
	p.tx.stats.add(&t)
}

// add puts m into a batch, where it must stay until flushAll.
func (s *PollSet) add(p *Port, m *pmd.Mbuf, t *tally) {
	h, errno := parse(m)
	if errno != 0 {
		t.drop(errno)
		return
	}
	b, fd := s.v4, p.fd4
	if h.v6 {
		b, fd, h.device = s.v6, p.fd6, p.index
	}
	if !b.add(m, &h) {
		s.flush(b, fd, p, t)
		b.add(m, &h)
	}
}

// flushAll sends what is in the batches, and gives up the packets that finish
// made for them.
func (s *PollSet) flushAll(p *Port, t *tally) {
	s.flush(s.v4, p.fd4, p, t)
	s.flush(s.v6, p.fd6, p, t)
	for _, m := range s.made {
		s.v.Drop(m)
	}
	s.made = s.made[:0]
}

// flush sends a batch. A packet that fails is counted and the rest sent.
func (s *PollSet) flush(b *batch, fd int, p *Port, t *tally) {
	for i := 0; i < b.n; {
		n, errno := sendmmsg(fd, b.msgs[i:b.n])
		if errno != 0 {
			n = 1
			if errno == unix.EMSGSIZE && b == s.v4 {
				errno = s.frag.send(b, i, fd, int(p.mtu.Load()))
			}
		}
		for end := i + n; i < end; i++ {
			if errno != 0 {
				t.drop(errno)
			} else {
				t.sent(b.frames[i])
			}
		}
	}
	b.reset()
}
