package pmdtest

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// pollSet is a pmd.PollSet of either driver.
type pollSet struct {
	rt     *Runtime
	driver pmd.Driver
	first  bool // the runtime's own: exchanges in Receive, frees and restocks
	vec    *pmd.Vector
	pool   *Pool // of the vector's stock
	rx     []rxSlot
	tx     []txSlot
	rxList pmd.SegList
	txList pmd.SegList
	closed bool

	eventFD int // -1: nobody has asked for it
}

type rxSlot struct {
	q       *RxQueue
	burst   int
	metered bool
}

type txSlot struct {
	q      *TxQueue
	shared bool
}

var _ pmd.Metered = (*pollSet)(nil)

func (rt *Runtime) newSet(d pmd.Driver, v *pmd.Vector) (pmd.PollSet, error) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.fail.PollSet != nil {
		return nil, rt.fail.PollSet
	}
	pool := rt.vectors[v]
	if pool == nil {
		return nil, fmt.Errorf("poll set: vector is not an open one of this runtime: %w", pmd.ErrClosed)
	}
	rt.sets++
	s := &pollSet{rt: rt, driver: d, first: d == pmd.Driver(rt), vec: v, pool: pool, eventFD: -1}
	s.rxList.Segs = make([]pmd.Seg, rt.listLen)
	s.txList.Segs = make([]pmd.Seg, rt.listLen)
	return s, nil
}

func (s *pollSet) AddRx(q pmd.RxQueue, burst int) (slot uint32, err error) {
	rx, ok := q.(*RxQueue)
	if !ok || rx.port.driver != s.driver {
		return 0, fmt.Errorf("poll set: add receive queue %v: %w", q, pmd.ErrUnsupported)
	}
	if err := rx.port.hold(); err != nil {
		return 0, fmt.Errorf("poll set: add receive queue %d of %s: %w", rx.index, rx.port.name, err)
	}
	s.rx = append(s.rx, rxSlot{q: rx, burst: burst})
	return uint32(len(s.rx) - 1), nil
}

// Meter has the worker's count compared with what there was when the test ends.
func (s *pollSet) Meter(slot uint32) *uint64 {
	r := &s.rx[slot]
	r.metered = true
	s.rt.mu.Lock()
	defer s.rt.mu.Unlock()
	if !slices.Contains(s.rt.metered, r.q) {
		s.rt.metered = append(s.rt.metered, r.q)
	}
	return &r.q.meter
}

func (s *pollSet) AddTx(q pmd.TxQueue, shared bool) (slot uint32, err error) {
	tx, ok := q.(*TxQueue)
	if !ok || tx.port.driver != s.driver {
		return 0, fmt.Errorf("poll set: add transmit queue %v: %w", q, pmd.ErrUnsupported)
	}
	if err := tx.port.hold(); err != nil {
		return 0, fmt.Errorf("poll set: add transmit queue %d of %s: %w", tx.index, tx.port.name, err)
	}
	s.tx = append(s.tx, txSlot{tx, shared})
	return uint32(len(s.tx) - 1), nil
}

func (s *pollSet) TxList() *pmd.SegList { return &s.txList }
func (s *pollSet) RxList() *pmd.SegList { return &s.rxList }

func (s *pollSet) Send() {
	if !s.first {
		s.transmit()
	}
}

func (s *pollSet) Receive() {
	if s.first {
		s.Flush()
		s.pool.restock(s.vec)
	}
	s.rxList.N = 0
	for slot, r := range s.rx {
		off := s.vec.N
		s.drive("receive", r.q.port, r.q.index, r.q.driving.CompareAndSwap(false, true))
		n := r.q.receive(s.vec, r.burst, r.metered)
		r.q.driving.Store(false)
		if n > 0 {
			s.rxList.Add(uint32(slot), pmd.Burst{Off: uint32(off), N: uint32(n)})
		}
	}
}

func (s *pollSet) Flush() {
	s.transmit()
	if s.first {
		s.rt.freeGiven(s.vec)
	}
}

func (s *pollSet) transmit() {
	for _, seg := range s.txList.Segs[:s.txList.N] {
		t := s.tx[seg.Slot]
		alone := t.q.driving.CompareAndSwap(false, true)
		s.drive("transmit", t.q.port, t.q.index, t.shared || alone)
		for _, m := range s.vec.Packets(pmd.Burst{Off: seg.Off, N: seg.N}) {
			t.q.send(s.vec, m)
		}
		if alone {
			t.q.driving.Store(false)
		}
	}
	s.txList.N = 0
}

// drive notes that two goroutines drove one queue at once, and that a closed
// set was used.
func (s *pollSet) drive(what string, p *Port, queue int, alone bool) {
	if !alone {
		s.rt.fault("port %s: two workers at once at %s queue %d", p.name, what, queue)
	}
	if s.closed {
		s.rt.fault("port %s: %s by a closed poll set", p.name, what)
	}
}

func (s *pollSet) Close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.eventFD >= 0 {
		unix.Close(s.eventFD)
	}
	if s.txList.N > 0 {
		s.rt.fault("poll set closed with %d segments to send", s.txList.N)
	}
	for _, r := range s.rx {
		r.q.port.release()
	}
	for _, t := range s.tx {
		t.q.port.release()
	}
	s.rt.mu.Lock()
	defer s.rt.mu.Unlock()
	s.rt.sets--
}
