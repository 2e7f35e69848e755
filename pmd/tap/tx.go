package tap

import (
	"syscall"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// yieldAfter is how many packets are written before a receiver that waits for the
// worker's CPU gets a turn: a socket holds some 250 small ones
// (net.core.rmem_default), and what is beyond that was carried for nothing.
const yieldAfter = 64

// Send writes what is queued, a frame a system call, after packets that one frame
// can stand for were merged. The kernel runs the
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
		s.given += len(pkts)
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
	if s.given >= yieldAfter {
		s.given = 0
		schedYield()
	}
}

func (s *PollSet) writeAll(x *txSlot, pkts []*pmd.Mbuf) {
	var t pmd.QueueStats
	for len(pkts) > 0 {
		n := min(len(pkts), offload.MaxMerge)
		for f := range s.gather(x, pkts[:n]) {
			s.write(x, pkts[:n], f, &t)
		}
		for _, m := range pkts[:n] {
			s.v.Drop(m)
		}
		pkts = pkts[n:]
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
	_, errno := writev(x.fd, s.txIov[:n])
	x.count(errno, 1, uint64(m.Len()), t)
}

// count counts packets, which are so long together, by what became of them.
func (x *txSlot) count(errno syscall.Errno, packets, bytes uint64, t *pmd.QueueStats) {
	switch errno {
	case 0:
		t.Packets += packets
		t.Bytes += bytes
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		t.Full += packets
	case unix.EBADFD:
		x.q.port.gone.Store(true)
		t.Refused += packets
	default: // EIO: the interface is down; EINVAL: no Ethernet frame
		t.Refused += packets
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
