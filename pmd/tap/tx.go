package tap

import (
	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// Send writes what is queued, a frame a system call. The kernel runs the
// receiver's network stack within the call. Every packet is given up.
func (s *PollSet) Send() {
	if s.txList.N == 0 {
		return
	}
	s.pacer.sends++
	timed := s.pacer.sends%sampleEvery == 0
	for _, seg := range s.txList.Segs[:s.txList.N] {
		x, pkts := &s.txs[seg.Slot], s.v.Packets(pmd.Burst{Off: seg.Off, N: seg.N})
		s.pacer.turn(x)
		switch {
		case s.pacer.slow(x):
			s.writeSlow(x, pkts)
		case timed:
			s.writeTimed(x, pkts)
		default:
			s.writeAll(x, pkts)
		}
	}
	s.txList.N = 0
}

func (s *PollSet) writeAll(x *txSlot, pkts []*pmd.Mbuf) {
	var t pmd.QueueStats
	for _, m := range pkts {
		s.writeFrame(x, m, &t)
		s.v.Drop(m)
	}
	x.q.stats.add(t)
}

// writeFrame writes one frame and counts it in t.
func (s *PollSet) writeFrame(x *txSlot, m *pmd.Mbuf, t *pmd.QueueStats) {
	if m.Len() > maxFrame || m.Segs() > maxSegs {
		t.TooBig++
		return
	}
	if x.q.port.gone.Load() {
		t.Refused++
		return
	}
	s.txIov[0] = s.header(m)
	n := 1
	for seg := m; seg != nil && n <= maxSegs; seg = seg.Next() {
		setIovec(&s.txIov[n], seg.Data())
		n++
	}
	switch _, errno := writev(x.fd, s.txIov[:n]); errno {
	case 0:
		t.Packets++
		t.Bytes += uint64(m.Len())
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		t.Full++
	case unix.EBADFD:
		x.q.port.gone.Store(true)
		t.Refused++
	default: // EIO: the interface is down; EINVAL: no Ethernet frame
		t.Refused++
	}
}

// header is the virtio-net header to write before m: its own if it is
// unfinished.
func (s *PollSet) header(m *pmd.Mbuf) unix.Iovec {
	switch {
	case m.Plain():
		return s.plain
	case m.Offload():
		return vnetIovec(m)
	}
	return s.verified
}
