package packet

import (
	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// Receive reads every port, at most its burst, while the vector has room and
// the stock mbufs. What is not read stays in the socket.
func (s *PollSet) Receive() {
	s.rxList.N = 0
	for i := range s.rxs {
		off := s.v.N
		s.read(&s.rxs[i])
		if n := s.v.N - off; n > 0 {
			s.rxList.Add(uint32(i), pmd.Burst{Off: uint32(off), N: uint32(n)})
		}
	}
}

func (s *PollSet) read(r *rxSlot) {
	p := r.q.port
	if p.gone.Load() {
		return
	}
	// One byte more tells a frame that is too long.
	n := s.in.fill(s.v, min(r.burst, s.v.Left(), maxMsgs), int(p.mtu.Load())+etherLen+tagLen+1)
	if n == 0 {
		return
	}
	n, errno := s.in.receive(p.fd, n)
	if errno != 0 {
		s.failed(r, errno)
		return
	}
	var t pmd.QueueStats
	for i := range n {
		m := s.in.take(i)
		if m == nil {
			t.Errors++
			continue
		}
		s.v.Append(m)
		t.Packets++
		t.Bytes += uint64(m.Len())
	}
	r.q.add(t)
}

// failed handles an error of the socket, which reports each once.
func (s *PollSet) failed(r *rxSlot, errno unix.Errno) {
	switch errno {
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
	case unix.ENETDOWN: // the interface went down, or is gone
		if unbound(r.q.port.fd) {
			r.q.port.gone.Store(true)
			// Nothing comes any more, and nothing must wake the worker for it.
			_ = unix.EpollCtl(s.epfd, unix.EPOLL_CTL_DEL, r.q.port.fd, nil)
		}
	default: // EINVAL: a frame that a virtio-net header cannot describe
		r.q.add(pmd.QueueStats{Errors: 1})
	}
}

// unbound reports that the socket's interface is gone (net/packet/af_packet.c,
// packet_notifier).
func unbound(fd int) bool {
	a, err := unix.Getsockname(fd)
	ll, ok := a.(*unix.SockaddrLinklayer)
	return err == nil && ok && ll.Ifindex < 0
}
