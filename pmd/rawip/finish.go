package rawip

import (
	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// finish adds what an unfinished frame becomes: a raw socket neither completes
// checksums nor segments. m stays the caller's.
func (s *PollSet) finish(p *Port, m *pmd.Mbuf, t *tally) {
	switch {
	case m.Vnet().GSOType != 0:
		s.segment(p, m, t)
	case m.Shared():
		s.supply()
		c := s.v.Copy(m)
		if c == nil {
			t.drop(unix.ENOMEM)
			return
		}
		offload.Complete(c)
		s.addMade(p, c, t)
	default:
		offload.Complete(m)
		s.add(p, m, t)
	}
}

// segment adds the segments of m.
func (s *PollSet) segment(p *Port, m *pmd.Mbuf, t *tally) {
	made := uint64(0)
	for s.cut.Start(m); s.cut.More(); made++ {
		seg := s.cut.Next(s.v)
		if seg == nil { // what is left of m is a packet dropped
			t.drop(unix.ENOMEM)
			made++
			break
		}
		s.addMade(p, seg, t)
	}
	t.segmented += made - 1
}

// addMade adds a packet of ours.
func (s *PollSet) addMade(p *Port, m *pmd.Mbuf, t *tally) {
	if len(s.made) == cap(s.made) {
		s.flushAll(p, t)
	}
	s.made = append(s.made, m)
	s.add(p, m, t)
}

// supply makes sure that the stock has enough for a copy, if the pool has.
func (s *PollSet) supply() {
	if s.v.NStock < maxSegs && s.v.Restock != nil {
		s.v.Restock(s.v)
	}
}
