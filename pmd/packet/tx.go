package packet

import (
	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// Send hands what is queued to the kernel, in batches. Every packet is given up.
func (s *PollSet) Send() {
	for _, seg := range s.txList.Segs[:s.txList.N] {
		b := pmd.Burst{Off: seg.Off, N: seg.N}
		s.sendBurst(s.txs[seg.Slot], s.v.Packets(b))
		s.v.DropBurst(b)
	}
	s.txList.N = 0
}

func (s *PollSet) sendBurst(q *queue, pkts []*pmd.Mbuf) {
	var t pmd.QueueStats
	for _, m := range pkts {
		switch {
		case m.Len() > maxFrame || m.Segs() > maxSegs:
			t.TooBig++
		case m.DataLen() < etherLen || q.port.gone.Load():
			t.Refused++
		case !s.out.add(m, q.port.index):
			s.flush(q, &t)
			s.out.add(m, q.port.index)
		}
	}
	s.flush(q, &t)
	q.add(t)
}

// flush sends a batch. A packet that fails is counted and the rest sent.
func (s *PollSet) flush(q *queue, t *pmd.QueueStats) {
	for i := 0; i < s.out.n; {
		n, errno := s.out.send(q.port.fd, i)
		if errno != 0 {
			refuse(q.port, t, errno)
			i++
			continue
		}
		for end := i + n; i < end; i++ {
			t.Packets++
			t.Bytes += uint64(s.out.lens[i])
		}
	}
	s.out.reset()
}

// refuse counts a packet that the kernel did not take.
func refuse(p *Port, t *pmd.QueueStats, errno unix.Errno) {
	switch errno {
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		t.Full++
	case unix.EMSGSIZE:
		t.TooBig++
	case unix.ENXIO: // there is no such interface any more
		p.gone.Store(true)
		t.Refused++
	default: // ENETDOWN: the interface is down
		t.Refused++
	}
}
