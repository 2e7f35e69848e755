package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// answer answers in the place of slaves that cannot: in l3 and l3s they take no
// part in ARP and neighbour discovery. The question becomes the answer, so that
// nobody gets more than it has asked for.
type answer struct {
	*plane
	to       *flows.Output // where the questions came from
	limit    *Allowance    // nil: none
	counters []flows.Counter
}

// Push takes questions that plane.asked has found, and that are sound.
func (s *answer) Push(b flows.Burst) {
	pkts := s.vec.Packets(b)
	n := 0
	for _, m := range pkts {
		if w := s.reply(m); w != nil {
			pkts[n] = w
			n++
		}
	}
	if n > 0 {
		s.counters[answered].Add(uint64(n))
		s.to.Push(flows.Burst{Off: b.Off, N: uint32(n)})
	}
}

// reply makes m, or a copy that may be written, the answer; nil when it was
// dropped.
func (s *answer) reply(m *pmd.Mbuf) *pmd.Mbuf {
	if !s.limit.take() {
		s.dropOne(m, AnswerLimit, s.counters)
		return nil
	}
	w := s.vec.Writable(m)
	if w == nil {
		s.dropOne(m, NoMbuf, s.counters)
		return nil
	}
	if wire.Ethernet(w.Data()).Type() == wire.TypeARP {
		wire.AnswerARP(w.Data(), s.mac)
		return w
	}
	if !w.SetLen(wire.AdvertisementLen) {
		s.dropOne(w, NoMbuf, s.counters)
		return nil
	}
	wire.AnswerSolicitation(w.Data(), s.mac)
	return w
}
