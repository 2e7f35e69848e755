package ipvlan

import (
	"ipvd/flows"
	"ipvd/pmd"
)

// shortcut stands in l3s in front of the turn through the host, of packets from
// slaves and of packets from the wire: those of flows whose shortcut is open it
// rewrites as the host would and sends at once, all others go through the host.
type shortcut struct {
	*plane            // with scratch of its own
	table  *FlowTable // not plane.table
	side   uint64     // fromSlave, or 0
	worker int
	host   flows.Stage
	drops  []flows.Counter
	counts []flows.Counter // flowSpecs

	// Of the burst: of its packets, by place, those that the host gets, and what sort is told.
	glances [sifted]glance
	hosted  int
	told    uint32
	read    reading // of the packet that is judged
}

// Counters of the flow stages, in the order of flowSpecs.
const (
	cntFast   = iota // packets over the shortcut
	cntRounds        // times that a shortcut waited for the host
)

// flowSpecs is the layout of the counter sets of the flow stages.
func flowSpecs() []flows.CounterSpec {
	return []flows.CounterSpec{cntFast: {Name: "shortcut", Kind: flows.Info}, cntRounds: {Name: "shortcut_checked", Kind: flows.Info}}
}

// Push takes frames from slaves for somewhere else, or from the wire.
func (s *shortcut) Push(b flows.Burst) {
	s.table.begin(s.worker, s.vec.Resets)
	if s.table.Empty() {
		s.host.Push(b)
		return
	}
	for ; b.N > sifted; b.Off, b.N = b.Off+sifted, b.N-sifted {
		s.push(flows.Burst{Off: b.Off, N: sifted})
	}
	s.push(b)
}

func (s *shortcut) push(b flows.Burst) {
	pkts := s.vec.Packets(b)
	s.look(pkts)
	s.hosted, s.told = 0, 0
	s.table.match(s.glances[:len(pkts)], func(i, end int) { s.sendOn(pkts, i, end) })
	if s.hosted == len(pkts) {
		s.host.Push(b)
		return
	}
	s.counts[cntFast].Add(uint64(len(pkts) - s.hosted))
	groups, _ := s.sort(b, s.told)
	for _, g := range groups {
		if g.Verdict == toRouter {
			s.host.Push(g.Burst)
			continue
		}
		s.deliver(g, s.drops)
	}
}

// sendOn gives the packets from place i to end their verdicts.
func (s *shortcut) sendOn(pkts []*pmd.Mbuf, i, end int) {
	generation, now := s.table.generation.Load(), s.table.now.Load()
	for i = s.send4(pkts, i, end, generation, now); i < end; i = s.send4(pkts, i+1, end, generation, now) {
		length := pkts[i].Len()
		v := s.decide(&pkts[i], generation, now)
		s.told = max(s.told, s.sift.note(i, pkts[i], length, v))
		if v == toRouter {
			s.hosted++
		}
	}
}

// decide is the verdict for a packet of any kind.
func (s *shortcut) decide(slot **pmd.Mbuf, generation, now uint32) flows.Verdict {
	r := &s.read
	if !r.read(*slot, s.side) {
		return toRouter
	}
	n, ok := s.table.find(&r.flowKey)
	if !ok {
		return toRouter
	}
	h := s.table.half(n)
	if s.open(h, n, *slot, generation, now) {
		return s.send(h, n, slot)
	}
	return toRouter
}

// open reports that the packet that was read may take h's shortcut. If not, it goes
// through the host, and so do those that follow, until the host has sent it on.
func (s *shortcut) open(h *half, n uint32, m *pmd.Mbuf, generation, now uint32) bool {
	r, rest := &s.read, s.table.rest(n)
	was, fits := h.fast.Load(), m.Longest() <= int(h.learned.Load()&0xffff)
	round := &rest.round
	switch {
	case r.special:
	case was == generation && !reached(h.due.Load(), now):
		if fits {
			return true
		}
	case was == 0 && fits && round.generation.Load() == generation && round.over() &&
		s.table.steps.sent(round, s.worker, now) && reached(rest.from.Load(), now) && h.to.Load() != 0:
		h.due.Store(now + s.table.period.Load())
		h.fast.Store(generation)
		return true
	}
	if s.side == fromSlave && r.look&0xff == 0xff {
		r.look-- // toReturn cannot raise it
	}
	s.through(h, rest, m, generation, now)
	return false
}

// reached reports that a time has come.
func reached(at, now uint32) bool { return int32(now-at) >= 0 }

// through notes that the host is given a packet of h, which closes the shortcut.
func (s *shortcut) through(h *half, rest *rest, m *pmd.Mbuf, generation, now uint32) {
	r, round := &s.read, &rest.round
	fresh := round.generation.Load() != generation
	if fresh {
		h.learned.Store(0)
		h.to.Store(0)
	}
	if fresh || h.fast.Load() != 0 || reached(round.began.Load()+roundTicks, now) {
		h.fast.Store(0)
		round.begin(r, m.Data(), generation, now)
		s.counts[cntRounds].Add(1)
	} else {
		round.add(r)
	}
	rest.viaHost.Add(counted1(r.length))
	if r.special {
		s.pause(rest, h, now)
	}
}

// pause keeps both directions of a flow with the host for a while: the packet may
// begin its end.
func (s *shortcut) pause(rest *rest, h *half, now uint32) {
	rest.from.Store(now + pauseTicks)
	s.table.rest(rest.peer).from.Store(now + pauseTicks)
	s.table.half(rest.peer).fast.Store(0)
	h.fast.Store(0)
}
