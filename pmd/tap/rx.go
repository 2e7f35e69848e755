package tap

import (
	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

const (
	// turnBytes is what a TAP may give in a turn: about what a burst of frames of
	// an Ethernet is, and four of 64 KB.
	turnBytes = 256 << 10
	// segmentBytes is what a segment counts at least: who has many of them made
	// must wait for others.
	segmentBytes = 1024
	// longReads is how many short frames in a row make a TAP's reads short: a
	// long read costs 0.1 µs more, a short one of a long frame a copy.
	longReads = 16
)

// Receive reads the TAPs that have frames, each at most its burst, while the
// vector has room and the stock mbufs. What is not read stays in the kernel.
func (s *PollSet) Receive() {
	s.rxList.N = 0
	if s.next == s.ready {
		if len(s.rxs) == 0 {
			return
		}
		s.next, s.ready = 0, epollWait(s.epfd, s.events)
		if s.ready == 0 {
			s.pacer.idles++
		}
	}
	begin, bytes, more := s.v.N, uint64(0), false
	for s.next < s.ready && s.v.Left() > 0 {
		r := &s.rxs[s.events[s.next].Fd]
		off := s.v.N
		enough, b := s.read(r)
		bytes += b
		if n := s.v.N - off; n > 0 {
			s.rxList.Add(uint32(s.events[s.next].Fd), pmd.Burst{Off: uint32(off), N: uint32(n)})
			more = more || n == r.burst
		}
		if !enough {
			break
		}
		s.next++
	}
	s.stream.note(s.v.N-begin, bytes, more || s.next < s.ready)
}

// read appends frames of r to the vector, bytes in all; not enough when the mbufs ran
// out. r's credit is a deficit round robin over bytes.
func (s *PollSet) read(r *rxSlot) (enough bool, bytes uint64) {
	var t pmd.QueueStats
	enough = true
	r.credit = min(r.credit+turnBytes, turnBytes)
	for budget := min(r.burst, s.v.Left()); budget > 0 && r.credit > 0; budget-- {
		long := r.long > 0
		iov := s.standing.fill(s.v, long)
		if iov == nil && long {
			long = false
			iov = s.standing.fill(s.v, false)
		}
		if iov == nil {
			enough = false
			break
		}
		n, errno := readv(r.fd, iov)
		if errno == unix.EAGAIN {
			break
		}
		if errno == unix.EBADFD {
			r.q.port.gone.Store(true)
			epollForget(s.epfd, r.fd)
			break
		}
		if errno != 0 || n < vnetHdrLen+etherLen {
			t.Errors++
			continue
		}
		if m := s.frame(r, n-vnetHdrLen, long, &t); m != nil {
			s.v.Append(m)
			t.Packets++
			t.Bytes += uint64(m.Len())
		}
	}
	r.q.stats.add(t)
	return enough, t.Bytes
}

// frame gives the frame of n bytes that was read; nil, and it is counted in t,
// when it is none that the port may give.
func (s *PollSet) frame(r *rxSlot, n int, long bool, t *pmd.QueueStats) *pmd.Mbuf {
	if n > s.standing.room {
		r.long = longReads
	} else if long {
		r.long--
	}
	r.credit -= n
	if n > s.standing.room && !long && s.standing.fill(s.v, true) == nil {
		t.NoMbuf++
		return nil
	}
	m := s.standing.take(n, long)
	if m == nil {
		t.Errors++
		return nil
	}
	if h := m.Vnet(); h.Flags|h.GSOType != 0 && !offload.Accept(m) || m.Longest() > int(r.q.port.mtu.Load())+overhead {
		t.Errors++
		s.v.Drop(m)
		return nil
	}
	r.credit -= max(0, m.Segments()*segmentBytes-n)
	if m.Offload() {
		s.v.Offloads++
	}
	return m
}
