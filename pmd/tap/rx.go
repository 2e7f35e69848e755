package tap

import (
	"golang.org/x/sys/unix"

	"ipvd/pmd"
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
	}
	for s.next < s.ready && s.v.Left() > 0 {
		slot := uint32(s.events[s.next].Fd)
		off := s.v.N
		enough := s.read(&s.rxs[slot])
		if n := s.v.N - off; n > 0 {
			s.rxList.Add(slot, pmd.Burst{Off: uint32(off), N: uint32(n)})
		}
		if !enough {
			return
		}
		s.next++
	}
}

// read appends frames of r to the vector; false when the mbufs ran out.
func (s *PollSet) read(r *rxSlot) bool {
	var t pmd.QueueStats
	longest := int(r.q.port.mtu.Load()) + overhead
	enough := true
	for budget := min(r.burst, s.v.Left()); budget > 0; budget-- {
		iov := s.standing.fill(s.v, longest)
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
		if errno != 0 || !s.standing.holds(n, len(iov)-1) {
			t.Errors++
			continue
		}
		m := s.standing.take(n - vnetHdrLen)
		s.v.Append(m)
		t.Packets++
		t.Bytes += uint64(m.Len())
	}
	r.q.stats.add(t)
	return enough
}
