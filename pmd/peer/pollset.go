package peer

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

const (
	// maxBursts is how many bursts can be queued for sending.
	maxBursts = 1024
	// maxEvents is how many wakes one call takes back.
	maxEvents = 64
	// lookOutside is how often a change looks whether a worker has left the rings.
	lookOutside = 20 * time.Microsecond
)

// Driver makes poll sets for ports of this package.
type Driver struct{}

// NewPollSet makes an empty set for the worker whose vector is v.
func (Driver) NewPollSet(v *pmd.Vector) (pmd.PollSet, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("peer: make poll set: epoll_create1: %w", err)
	}
	return &PollSet{v: v, epfd: epfd, txList: pmd.SegList{Segs: make([]pmd.Seg, maxBursts)},
		events: make([]unix.EpollEvent, maxEvents), in: Intake{v: v}}, nil
}

// PollSet drives the ports of one worker.
type PollSet struct {
	v     *pmd.Vector
	epfd  int           // what a sleeping worker waits for
	turn  atomic.Uint64 // odd: the worker may be using rings
	armed bool

	mu   sync.Mutex
	mine []*RxQueue // those of rxs, for other goroutines; under mu

	rxs    []rxSlot
	first  int // whose turn it is to be read first
	rxList pmd.SegList
	in     Intake

	txs    []txSlot
	txList pmd.SegList
	t      pmd.QueueStats // of the burst that is being sent
	cut    offload.Segmenter
	one    [1]*pmd.Mbuf // a burst of one

	events []unix.EpollEvent
}

type rxSlot struct {
	q     *RxQueue
	burst int
	last  *rxEnd // the ring that was read last
}

type txSlot struct {
	q      *TxQueue
	shared bool
}

var _ pmd.Interrupter = (*PollSet)(nil)

// AddRx adds an RX queue of a port.
func (s *PollSet) AddRx(q pmd.RxQueue, burst int) (slot uint32, err error) {
	t, ok := q.(*RxQueue)
	if !ok {
		return 0, fmt.Errorf("peer: read queue %d of %s: %w", q.Index(), q.Port().Name(), pmd.ErrUnsupported)
	}
	if burst < 1 {
		return 0, fmt.Errorf("%s: add to poll set: burst of %d packets", t.port.Name(), burst)
	}
	s.rxs = append(s.rxs, rxSlot{q: t, burst: burst})
	s.rxList.Segs = make([]pmd.Seg, len(s.rxs))
	s.mu.Lock()
	s.mine = append(s.mine, t)
	s.mu.Unlock()
	t.port.holds(s)
	return uint32(len(s.rxs) - 1), t.port.joins(s, t)
}

// joins lets a set sleep on the ring that a queue has now. A queue is a set's before
// its port looks for sets, or the other way round, and never neither.
func (p *Port) joins(s *PollSet, q *RxQueue) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.kick.Load() < 0 || q.end.Load() == nil {
		return nil
	}
	return s.listenTo(q)
}

// listenTo wakes a sleeping worker for a ring's descriptor. The peer counts it up and
// nobody down, so that each count must wake by itself (EPOLLET).
func (s *PollSet) listenTo(q *RxQueue) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.mine, q) {
		return nil
	}
	fd := int(q.kick.Load())
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}
	if err := unix.EpollCtl(s.epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%s: add to poll set: %w", q.port.Name(), err)
	}
	return nil
}

// AddTx adds a TX queue of a port.
func (s *PollSet) AddTx(q pmd.TxQueue, shared bool) (slot uint32, err error) {
	t, ok := q.(*TxQueue)
	if !ok {
		return 0, fmt.Errorf("peer: send to queue %d of %s: %w", q.Index(), q.Port().Name(), pmd.ErrUnsupported)
	}
	t.port.holds(s)
	s.txs = append(s.txs, txSlot{q: t, shared: shared})
	return uint32(len(s.txs) - 1), nil
}

// TxList is where stages queue bursts.
func (s *PollSet) TxList() *pmd.SegList { return &s.txList }

// RxList is what the last Receive received.
func (s *PollSet) RxList() *pmd.SegList { return &s.rxList }

// WaitFD is readable when a peer that was asked to has told that it sent.
func (s *PollSet) WaitFD() (fd int, all bool) { return s.epfd, true }

// Arm asks all peers to tell.
func (s *PollSet) Arm() { s.arm(true) }

// Disarm tells them not to.
func (s *PollSet) Disarm() {
	s.arm(false)
	drainEvents(s.epfd, s.events)
}

func (s *PollSet) arm(on bool) {
	s.armed = on
	s.turn.Add(1)
	for i := range s.rxs {
		s.wake(&s.rxs[i])
	}
	s.turn.Add(1)
}

// wake tells one peer.
func (s *PollSet) wake(r *rxSlot) {
	e := r.q.end.Load()
	if e == nil {
		return
	}
	defer s.caught(r.q.port, faults())
	r.last = e
	e.ring.Wake(s.armed)
}

// awaitOutside returns when the worker does not use a ring any more that was there
// when it was called.
func (s *PollSet) awaitOutside() {
	for t := s.turn.Load(); t&1 == 1 && s.turn.Load() == t; {
		time.Sleep(lookOutside)
	}
}

// Flush sends what is queued. The set owns no mbufs between two steps.
func (s *PollSet) Flush() { s.Send() }

// Close frees the set.
func (s *PollSet) Close() {
	for _, r := range s.rxs {
		r.q.port.drops(s)
	}
	for _, x := range s.txs {
		x.q.port.drops(s)
	}
	if s.epfd >= 0 {
		unix.Close(s.epfd)
		s.epfd = -1
	}
}
