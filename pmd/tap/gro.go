package tap

import (
	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// gather gives the number of frames that pkts, at most offload.MaxMerge, are sent
// as. What it found holds until it is called again.
func (s *PollSet) gather(x *txSlot, pkts []*pmd.Mbuf) int {
	s.merges = x.gro && len(pkts) > 1
	if !s.merges {
		return len(pkts)
	}
	return s.merger.Gather(pkts, x.uso)
}

// write writes frame f of those that pkts were gathered to, and counts its
// packets in t.
func (s *PollSet) write(x *txSlot, pkts []*pmd.Mbuf, f int, t *pmd.QueueStats) {
	if !s.merges {
		s.writeFrame(x, pkts[f], t)
		return
	}
	n, i := s.merger.Packets(f)
	if n > 1 && s.writeMerged(x, pkts, f, t) {
		return
	}
	for range n {
		s.writeFrame(x, pkts[i], t)
		i = s.merger.After(i)
	}
}

// writeMerged writes a frame that stands for several packets; false, and nothing
// is counted, when the kernel does not take such a one.
func (s *PollSet) writeMerged(x *txSlot, pkts []*pmd.Mbuf, f int, t *pmd.QueueStats) bool {
	if x.q.port.gone.Load() {
		return false
	}
	vnet, header := s.merger.Header(pkts, f)
	s.txIov[0] = headerIovec(vnet)
	setIovec(&s.txIov[1], header)
	parts, bytes := 2, 0
	count, i := s.merger.Packets(f)
	for k := range count {
		m := pkts[i]
		skip, n := s.merger.Payload(f, k)
		parts = s.payload(parts, m, skip, n)
		bytes += m.Len()
		i = s.merger.After(i)
	}
	_, errno := writev(x.fd, s.txIov[:parts])
	if errno == unix.EINVAL {
		return false
	}
	if errno == 0 {
		t.Coalesced += uint64(count - 1)
	}
	x.count(errno, uint64(count), uint64(bytes), t)
	return true
}

// payload adds n bytes of m, behind skip ones in its first segment, to the parts
// of txIov, and gives their number.
func (s *PollSet) payload(parts int, m *pmd.Mbuf, skip, n int) int {
	for seg := m; n > 0; seg, skip = seg.Next(), 0 {
		b := seg.Data()[skip:]
		b = b[:min(len(b), n)]
		if len(b) > 0 {
			setIovec(&s.txIov[parts], b)
			parts++
			n -= len(b)
		}
	}
	return parts
}

// work is how much work frame f is, in units, and how many packets it has.
func (s *PollSet) work(pkts []*pmd.Mbuf, f int) (work, packets int) {
	if !s.merges {
		return units(pkts[f]), 1
	}
	n, i := s.merger.Packets(f)
	for range n {
		work += units(pkts[i])
		i = s.merger.After(i)
	}
	return work, n
}
