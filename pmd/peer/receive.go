package peer

import (
	"fmt"
	"runtime/debug"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// Intake is where a ring puts what it receives: the vector of the worker, up to
// what it may take.
type Intake struct {
	v     *pmd.Vector
	left  int       // packets that may still be taken
	limit int       // bytes of the longest frame
	held  *pmd.Mbuf // taken from the stock, in no list yet
	last  *pmd.Mbuf // its last segment
	t     pmd.QueueStats

	Row Row // what TakeRow takes
}

// RowRoom is how many packets of Row may be filled in, and the longest that may be in
// it.
func (in *Intake) RowRoom() (packets int, longest uint32) {
	v := in.v
	n := min(in.left, MaxRow)
	if v.NStock < n && v.Restock != nil {
		v.Restock(v)
	}
	n = min(n, v.NStock)
	if n == 0 {
		return 0, 0
	}
	return n, uint32(min(in.limit, v.Stock[v.NStock-1].Tailroom()))
}

// Room reports whether another packet can be taken.
func (in *Intake) Room() bool { return in.left > 0 }

// Bad counts a packet that is none.
func (in *Intake) Bad() { in.t.Errors++ }

// Take takes a packet of one part. It gives false, and has taken nothing, when
// there is no mbuf: the packet stays in the ring.
func (in *Intake) Take(b []byte) bool {
	v := in.v
	if len(b) > in.limit {
		in.t.Errors++
		return true
	}
	m := v.Supply()
	if m == nil {
		return false
	}
	in.held = m
	if !m.SetLen(len(b)) {
		in.last = m
		return in.fill(b) && in.Done(nil)
	}
	copy(m.Data(), b)
	in.held = nil
	in.add(m, len(b))
	return true
}

func (in *Intake) add(m *pmd.Mbuf, n int) {
	v := in.v
	v.Pkts[v.N] = m
	v.N++
	in.left--
	in.t.Packets++
	in.t.Bytes += uint64(n)
}

// Begin begins a packet of several parts, as Take. Part and then Done or Abort
// follow.
func (in *Intake) Begin() bool {
	in.held = in.v.Supply()
	in.last = in.held
	return in.held != nil
}

// Part adds a part; false when there is no mbuf for it, or the packet is longer
// than any.
func (in *Intake) Part(b []byte) bool {
	return in.held.Len()+len(b) <= MaxFrame && in.fill(b)
}

// Starved reports that a Part failed for want of mbufs: the packet stays in the ring.
func (in *Intake) Starved() bool { return in.held == nil }

// fill appends to the packet that is being taken. When it fails the packet is gone.
func (in *Intake) fill(b []byte) bool {
	for len(b) > 0 {
		room := in.last.Room()
		if len(room) == 0 {
			next := in.v.Supply()
			if next == nil {
				in.Abort()
				return false
			}
			in.held.AddSeg(in.last, next)
			in.last = next
			continue
		}
		n := min(len(room), len(b))
		in.held.AddData(in.last, n)
		copy(room, b[:n])
		b = b[n:]
	}
	return true
}

// Done ends a packet, whose virtio-net header is h or nil when it is finished. One
// that is too long, or whose header does not fit it, counts as an error.
func (in *Intake) Done(h *pmd.VnetHdr) bool {
	m := in.held
	in.held = nil
	if h != nil && h.Flags|h.GSOType != 0 {
		*m.Vnet() = *h
		if !offload.Accept(m) {
			in.t.Errors++
			in.v.Drop(m)
			return true
		}
	}
	if m.Longest() > in.limit {
		in.t.Errors++
		in.v.Drop(m)
		return true
	}
	if m.Offload() {
		in.v.Offloads++
	}
	in.add(m, m.Len())
	return true
}

// Abort gives back the mbufs of the packet that is being taken.
func (in *Intake) Abort() {
	if in.held != nil {
		in.v.Drop(in.held)
		in.held = nil
	}
}

// Receive reads every ring, at most its burst, while the vector has room and the
// stock mbufs. What is not read stays in the ring.
func (s *PollSet) Receive() {
	s.rxList.N = 0
	n := len(s.rxs)
	if n == 0 {
		return
	}
	s.turn.Add(1)
	// Another is first in each step, so that none starves when the vector is full.
	if s.first++; s.first >= n {
		s.first = 0
	}
	for i := s.first; i < n; i++ {
		s.readSlot(i)
	}
	for i := range s.first {
		s.readSlot(i)
	}
	s.turn.Add(1)
}

func (s *PollSet) readSlot(i int) {
	r := &s.rxs[i]
	e := r.q.end.Load()
	if e == nil {
		return
	}
	off := s.v.N
	s.read(r, e)
	if n := s.v.N - off; n > 0 {
		s.rxList.Add(uint32(i), pmd.Burst{Off: uint32(off), N: uint32(n)})
	}
	if s.in.t != (pmd.QueueStats{}) {
		r.q.stats.add(&s.in.t)
	}
}

// read reads one ring.
func (s *PollSet) read(r *rxSlot, e *rxEnd) {
	p := r.q.port
	s.in.t = pmd.QueueStats{}
	s.in.left = min(r.burst, s.v.Left())
	s.in.limit = int(p.mtu.Load()) + overhead
	defer s.caught(p, faults())
	if r.last != e {
		r.last = e
		e.ring.Wake(s.armed)
	}
	if err := e.ring.Receive(&s.in); err != nil {
		r.q.end.CompareAndSwap(e, nil)
		p.fails(err)
	}
}

// faults makes a fault in mapped memory a panic of this goroutine, and gives what
// that was set to before.
func faults() bool { return debug.SetPanicOnFault(true) }

// caught is deferred where shared memory is used: a peer that takes its memory away
// loses its connection, and nobody else anything.
func (s *PollSet) caught(p *Port, before bool) {
	if v := recover(); v != nil {
		s.in.Abort()
		for _, q := range p.rx {
			q.end.Store(nil)
		}
		for _, q := range p.tx {
			q.end.Store(nil)
		}
		p.fails(fmt.Errorf("its memory cannot be used: %v", v))
	}
	debug.SetPanicOnFault(before)
}
