package peer

import (
	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// maxCopy is more than the mbufs of a copy of the longest frame.
const maxCopy = 64

// Send copies what is queued into the rings. Every packet is given up.
func (s *PollSet) Send() {
	if s.txList.N == 0 {
		return
	}
	s.turn.Add(1)
	for _, seg := range s.txList.Segs[:s.txList.N] {
		x, b := &s.txs[seg.Slot], pmd.Burst{Off: seg.Off, N: seg.N}
		pkts := s.v.Packets(b)
		s.t = pmd.QueueStats{}
		if e := x.q.end.Load(); e != nil {
			s.sendTo(x, e, pkts)
		}
		// What no ring has taken: there is no peer, or none any more.
		t := &s.t
		t.Refused += uint64(len(pkts)) - (t.Packets + t.Full + t.TooBig + t.Refused - t.Segmented)
		x.q.stats.add(t)
		s.v.Recycle(pkts)
	}
	s.turn.Add(1)
	s.txList.N = 0
}

// sendTo sends a burst to one ring.
func (s *PollSet) sendTo(x *txSlot, e *txEnd, pkts []*pmd.Mbuf) {
	p := x.q.port
	if x.shared || e.shared {
		e.acquire()
		defer e.release()
	}
	defer s.caught(p, faults())
	if err := s.sendAll(e, pkts); err != nil {
		x.q.end.CompareAndSwap(e, nil)
		p.fails(err)
	}
}

// sendAll sends runs of packets that the peer takes as they are, and finishes those
// between.
func (s *PollSet) sendAll(e *txEnd, pkts []*pmd.Mbuf) error {
	if s.v.Offloads == 0 {
		return e.ring.Send(pkts, &s.t)
	}
	begin := 0
	for i, m := range pkts {
		if !m.Offload() || e.able&offload.Needs(m) != 0 {
			continue
		}
		if err := e.ring.Send(pkts[begin:i], &s.t); err != nil {
			return err
		}
		if err := s.finish(e, m); err != nil {
			return err
		}
		begin = i + 1
	}
	if begin == len(pkts) {
		return nil
	}
	return e.ring.Send(pkts[begin:], &s.t)
}

// finish sends one unfinished frame, which stays the caller's.
func (s *PollSet) finish(e *txEnd, m *pmd.Mbuf) error {
	if m.Vnet().GSOType != 0 {
		return s.segment(e, m)
	}
	if s.v.NStock < maxCopy && s.v.Restock != nil {
		s.v.Restock(s.v)
	}
	c := m
	if m.Shared() {
		if c = s.v.Copy(m); c == nil {
			s.t.Full++
			return nil
		}
		defer s.v.Drop(c)
	}
	offload.Complete(c)
	s.one[0] = c
	return e.ring.Send(s.one[:], &s.t)
}

// segment sends the segments of m.
func (s *PollSet) segment(e *txEnd, m *pmd.Mbuf) error {
	first := true
	for s.cut.Start(m); s.cut.More(); {
		if !first {
			s.t.Segmented++
		}
		first = false
		seg := s.cut.Next(s.v)
		if seg == nil { // what is left of m is a packet dropped
			s.t.Full++
			return nil
		}
		s.one[0] = seg
		err := e.ring.Send(s.one[:], &s.t)
		s.v.Drop(seg)
		if err != nil {
			return err
		}
	}
	return nil
}
