package rawip

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
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
		frag: new(fragSender),
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
		h, errno := parse(m)
		if errno != 0 {
			t.drop(errno)
			continue
		}
		b, fd := s.v4, p.fd4
		if h.v6 {
			b, fd, h.device = s.v6, p.fd6, p.index
		}
		if !b.add(m, &h) {
			s.flush(b, fd, p, &t)
			b.add(m, &h)
		}
	}
	s.flush(s.v4, p.fd4, p, &t)
	s.flush(s.v6, p.fd6, p, &t)
	p.tx.stats.add(&t)
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
