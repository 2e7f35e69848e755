package tap

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

const (
	// maxReady is how many ready TAPs one epoll_pwait reports.
	maxReady = 128
	// maxBursts is how many bursts can be queued for sending.
	maxBursts = 1024
	// maxSegs is the most segments of a frame, read or sent.
	maxSegs = 64
)

// Driver makes poll sets for TAP ports.
type Driver struct{}

// NewPollSet makes an empty set for the worker whose vector is v.
func (Driver) NewPollSet(v *pmd.Vector) (pmd.PollSet, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("tap: make poll set: epoll_create1: %w", err)
	}
	s := &PollSet{
		v: v, epfd: epfd,
		rxList: pmd.SegList{Segs: make([]pmd.Seg, maxReady)},
		txList: pmd.SegList{Segs: make([]pmd.Seg, maxBursts)},
		events: make([]unix.EpollEvent, maxReady),
		txIov:  make([]unix.Iovec, offload.MaxParts+2),
	}
	s.standing.init()
	setIovec(&s.plain, s.headers[0][:])
	s.headers[1][0] = pmd.VnetDataValid
	setIovec(&s.verified, s.headers[1][:])
	return s, nil
}

// PollSet drives the TAPs of one worker.
type PollSet struct {
	v    *pmd.Vector
	epfd int

	rxs    []rxSlot
	rxList pmd.SegList
	// events[next:ready] are TAPs that epoll reported and that have not had
	// their turn: none is read twice before all have been read once.
	events      []unix.EpollEvent
	next, ready int
	standing    standing

	txs    []txSlot
	pacer  pacer
	stream stream
	txList pmd.SegList
	txIov  []unix.Iovec
	merger offload.Merger
	given  int  // packets written since others could have the CPU
	merges bool // the packets that gather was given last were looked at
	// Headers of finished frames: nothing is known of the checksum, or that it
	// is right.
	headers         [2][vnetHdrLen]byte
	plain, verified unix.Iovec
}

type rxSlot struct {
	q      *queue
	fd     int
	burst  int
	credit int // bytes that it may still give; less than 0: gave too many
	long   int // frames that are read as if they were long
}

type txSlot struct {
	q    *queue
	fd   int
	gro  bool // see Port
	uso  bool
	pace pace
}

var (
	_ pmd.PollSet  = (*PollSet)(nil)
	_ pmd.Gatherer = (*PollSet)(nil)
)

// AddRx adds the RX queue of a TAP port.
func (s *PollSet) AddRx(q pmd.RxQueue, burst int) (slot uint32, err error) {
	t, ok := q.(*queue)
	if !ok {
		return 0, fmt.Errorf("tap: read queue %d of %s: %w", q.Index(), q.Port().Name(), pmd.ErrUnsupported)
	}
	if burst < 1 {
		return 0, fmt.Errorf("tap %s: add to poll set: burst of %d packets", t.port.Name(), burst)
	}
	slot = uint32(len(s.rxs))
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(slot)}
	if err := unix.EpollCtl(s.epfd, unix.EPOLL_CTL_ADD, t.port.fd, &ev); err != nil {
		return 0, fmt.Errorf("tap %s: add to poll set: %w", t.port.Name(), err)
	}
	s.rxs = append(s.rxs, rxSlot{q: t, fd: t.port.fd, burst: burst})
	return slot, nil
}

// AddTx adds the TX queue of a TAP port. Sharing it costs nothing: the kernel
// takes frames from any thread.
func (s *PollSet) AddTx(q pmd.TxQueue, _ bool) (slot uint32, err error) {
	t, ok := q.(*queue)
	if !ok {
		return 0, fmt.Errorf("tap: send to queue %d of %s: %w", q.Index(), q.Port().Name(), pmd.ErrUnsupported)
	}
	s.txs = append(s.txs, txSlot{q: t, fd: t.port.fd, gro: t.port.gro, uso: t.port.uso})
	return uint32(len(s.txs) - 1), nil
}

// TxList is where stages queue bursts.
func (s *PollSet) TxList() *pmd.SegList { return &s.txList }

// RxList is what the last Receive received.
func (s *PollSet) RxList() *pmd.SegList { return &s.rxList }

// WaitFD is readable when a TAP has frames, or is gone and the set has not
// noticed yet.
func (s *PollSet) WaitFD() (fd int, all bool) { return s.epfd, true }

// Flush sends what is queued and gives back the standing mbufs, so that the set
// owns none.
func (s *PollSet) Flush() {
	s.Send()
	s.standing.drop(s.v)
}

// Close frees the set. Mbufs that Flush did not give back go to the vector,
// which no worker may be using then.
func (s *PollSet) Close() {
	s.standing.drop(s.v)
	if s.epfd >= 0 {
		unix.Close(s.epfd)
		s.epfd = -1
	}
}
