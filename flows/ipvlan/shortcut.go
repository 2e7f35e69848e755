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

	// Of the burst that is read, by place: what was read, and the half that may be
	// the packet's, noHalf when there is none.
	reads   [sifted]reading
	numbers [sifted]uint32
	halves  [sifted]*half
}

// noHalf is no number of a half.
const noHalf = 1<<32 - 1

// Counters of the flow stages, in the order of flowSpecs.
const (
	cntFast   = iota // packets over the shortcut
	cntRounds        // times that a shortcut waited for the host
	numFlowCounters
)

// flowSpecs is the layout of the counter sets of the flow stages.
func flowSpecs() []flows.CounterSpec {
	return []flows.CounterSpec{cntFast: {Name: "shortcut", Kind: flows.Info}, cntRounds: {Name: "shortcut_checked", Kind: flows.Info}}
}

// Push takes frames from slaves for somewhere else, or from the wire.
func (s *shortcut) Push(b flows.Burst) {
	for ; b.N > sifted; b.Off, b.N = b.Off+sifted, b.N-sifted {
		s.push(flows.Burst{Off: b.Off, N: sifted})
	}
	s.push(b)
}

func (s *shortcut) push(b flows.Burst) {
	pkts := s.vec.Packets(b)
	s.table.begin(s.worker, s.vec.Resets)
	if s.find(pkts) == 0 {
		s.host.Push(b)
		return
	}
	v := s.verdicts[:len(pkts)]
	generation, now := s.table.generation.Load(), s.table.now.Load()
	fast := uint64(0)
	for i := range pkts {
		v[i] = toRouter
		if h := s.halves[i%sifted]; h != nil {
			if s.open(h, i, pkts[i], generation, now) {
				v[i] = s.send(h, i, &pkts[i])
				fast++
			}
		}
	}
	if fast > 0 {
		s.counts[cntFast].Add(fast)
	}
	for _, g := range s.group(b) {
		if g.Verdict == toRouter {
			s.host.Push(g.Burst)
			continue
		}
		s.deliver(g, s.drops)
	}
}

// find looks the packets' flows up, in short loops of which each waits for many
// packets' memory at a time, and gives how many were found.
func (s *shortcut) find(pkts []*pmd.Mbuf) (found int) {
	t := s.table
	if t.Empty() {
		return 0
	}
	slots := t.slots.Load()
	var hashes [sifted]uint64
	for i, m := range pkts {
		r := &s.reads[i%sifted]
		s.numbers[i%sifted] = noHalf
		if r.read(m, s.side) {
			hashes[i%sifted] = slots.hash(&r.flowKey)
			s.numbers[i%sifted] = 0
		}
	}
	for i := range pkts {
		if h := hashes[i%sifted]; s.numbers[i%sifted] == 0 {
			s.numbers[i%sifted] = uint32(min(slots.near(h, uint32(h)), noHalf-1))
		}
	}
	for i := range pkts {
		s.halves[i%sifted] = s.known(slots, i, hashes[i%sifted])
		if s.halves[i%sifted] != nil {
			found++
		}
	}
	return found
}

// known is the half of packet i, or nil.
func (s *shortcut) known(slots *flowSlots, i int, hash uint64) *half {
	n, r := s.numbers[i%sifted], &s.reads[i%sifted]
	if n == noHalf {
		return nil
	}
	if n == noHalf-1 || !s.table.is(n, &r.flowKey) {
		var ok bool
		if n, ok = s.table.far(slots, hash, &r.flowKey); !ok {
			return nil
		}
		s.numbers[i%sifted] = n
	}
	return s.table.half(n)
}

// open reports that packet i may take h's shortcut. If not, it goes through the
// host, and so do those that follow, until the host has sent it on.
func (s *shortcut) open(h *half, i int, m *pmd.Mbuf, generation, now uint32) bool {
	r := &s.reads[i%sifted]
	if h.fast.Load() == generation && !r.special && !reached(h.due.Load(), now) && m.Longest() <= int(h.learned.Load()&0xffff) {
		return true
	}
	return s.judge(h, i, m, generation, now)
}

// reached reports that a time has come.
func reached(at, now uint32) bool { return int32(now-at) >= 0 }

// judge is open for a packet that no open shortcut fits. It opens the shortcut when
// the host has sent on all before this packet under the present rules.
func (s *shortcut) judge(h *half, i int, m *pmd.Mbuf, generation, now uint32) bool {
	r, rest := &s.reads[i%sifted], s.table.rest(s.numbers[i%sifted])
	if s.side == fromSlave && r.look&0xff == 0xff {
		r.look-- // toReturn cannot raise it
	}
	was := h.fast.Load()
	round := &rest.round
	switch {
	case r.special || was == generation && reached(h.due.Load(), now):
	case was == 0 && round.generation.Load() == generation && round.over() && s.table.steps.sent(round, s.worker, now) && reached(rest.from.Load(), now) &&
		h.to() != 0 && m.Longest() <= int(h.learned.Load()&0xffff):
		h.due.Store(now + s.table.period.Load())
		h.fast.Store(generation)
		return true
	}
	s.through(h, rest, r, m, generation, now)
	return false
}

// through notes that the host is given a packet of h, which closes the shortcut.
func (s *shortcut) through(h *half, rest *rest, r *reading, m *pmd.Mbuf, generation, now uint32) {
	round := &rest.round
	fresh := round.generation.Load() != generation
	if fresh {
		h.learned.Store(0)
		h.setTo(0)
	}
	if fresh || h.fast.Load() != 0 || reached(round.began.Load()+roundTicks, now) {
		h.fast.Store(0)
		round.begin(r, m.Data(), generation, now)
		s.counts[cntRounds].Add(1)
	} else {
		round.add(r)
	}
	rest.viaHost.Add(1)
	rest.viaBytes.Add(uint64(r.length))
	if r.special {
		s.pause(rest, h, now)
	}
}

// pause keeps both directions of a flow with the host for a while: the packet may
// begin its end.
func (s *shortcut) pause(rest *rest, h *half, now uint32) {
	rest.from.Store(now + pauseTicks)
	other := s.table.rest(rest.peer)
	other.from.Store(now + pauseTicks)
	s.table.half(rest.peer).fast.Store(0)
	h.fast.Store(0)
}
