package packet

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
		return nil, fmt.Errorf("af_packet: make poll set: epoll_create1: %w", err)
	}
	return &PollSet{v: v, epfd: epfd, txList: pmd.SegList{Segs: make([]pmd.Seg, maxBursts)}, in: newInBatch(), out: newOutBatch()}, nil
}

// PollSet drives the ports of one worker. Machines have few wires, so that each
// is read in every step, by one system call.
type PollSet struct {
	v    *pmd.Vector
	epfd int // what a sleeping worker waits for

	rxs    []rxSlot
	rxList pmd.SegList
	in     *inBatch

	txs    []*queue
	txList pmd.SegList
	out    *outBatch
}

type rxSlot struct {
	q     *queue
	burst int
}

var (
	_ pmd.PollSet = (*PollSet)(nil)
	_ pmd.Waiter  = (*PollSet)(nil)
)

// AddRx adds the RX queue of a port.
func (s *PollSet) AddRx(q pmd.RxQueue, burst int) (slot uint32, err error) {
	t, ok := q.(*queue)
	if !ok {
		return 0, fmt.Errorf("af_packet: read queue %d of %s: %w", q.Index(), q.Port().Name(), pmd.ErrUnsupported)
	}
	if burst < 1 {
		return 0, fmt.Errorf("%s: add to poll set: burst of %d packets", t.port.name, burst)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(t.port.fd)}
	if err := unix.EpollCtl(s.epfd, unix.EPOLL_CTL_ADD, t.port.fd, &ev); err != nil {
		return 0, fmt.Errorf("%s: add to poll set: %w", t.port.name, err)
	}
	s.rxs = append(s.rxs, rxSlot{q: t, burst: burst})
	s.rxList.Segs = make([]pmd.Seg, len(s.rxs))
	return uint32(len(s.rxs) - 1), nil
}

// AddTx adds the TX queue of a port. Sharing it costs nothing: the kernel takes
// frames from any thread.
func (s *PollSet) AddTx(q pmd.TxQueue, _ bool) (slot uint32, err error) {
	t, ok := q.(*queue)
	if !ok {
		return 0, fmt.Errorf("af_packet: send to queue %d of %s: %w", q.Index(), q.Port().Name(), pmd.ErrUnsupported)
	}
	s.txs = append(s.txs, t)
	return uint32(len(s.txs) - 1), nil
}

// TxList is where stages queue bursts.
func (s *PollSet) TxList() *pmd.SegList { return &s.txList }

// RxList is what the last Receive received.
func (s *PollSet) RxList() *pmd.SegList { return &s.rxList }

// WaitFD is readable when a port has frames.
func (s *PollSet) WaitFD() (fd int, all bool) { return s.epfd, true }

// Flush sends what is queued and gives back the mbufs that wait for frames, so
// that the set owns none.
func (s *PollSet) Flush() {
	s.Send()
	s.in.drop(s.v)
}

// Close frees the set. Mbufs that Flush did not give back go to the vector,
// which no worker may be using then.
func (s *PollSet) Close() {
	s.in.drop(s.v)
	if s.epfd >= 0 {
		unix.Close(s.epfd)
		s.epfd = -1
	}
}
