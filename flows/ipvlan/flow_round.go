package ipvlan

import "sync/atomic"

// round finds the moment at which the host has none of a flow's packets left in
// one direction: only then may the next one take the shortcut, or it would overtake
// them. It begins with a packet whose mark the host's copy is recognised by; from
// then on what went in and came out is counted, by payload, which neither NAT nor
// segmentation changes. A packet that the host drops keeps the round open, so that
// flows of which it refuses packets stay with it.
//
// Fields are written by the worker that gives the host packets (in, began,
// look) and the one that sees them come back (out, waiting), at the beginning of
// a round by the former alone.
type round struct {
	waiting    atomic.Uint32 // the first packet has not come back
	mark       atomic.Uint64 // the first packet's
	began      atomic.Uint32 // in ticks
	generation atomic.Uint32 // of the rules, when it began
	look       atomic.Uint32 // TOS and TTL with which the last packet in leaves
	other      atomic.Uint32 // the last packet out had another TOS or TTL than the last one in
	in, out    atomic.Uint64 // bytes of payload
	by         atomic.Uint64 // which worker saw the last packet come out, in which of its steps: see stepsOf
	at         atomic.Uint32 // and when, in ticks
}

// stepsOf are how far workers have come, for others to see: what a worker queues in
// a step is sent by the next one.
type stepsOf [maxWorkers]struct {
	atomic.Uint64
	_ [56]byte // a cache line each
}

// maxWorkers is how many workers stepsOf tells apart.
const maxWorkers = 64

// note says in which step a worker is.
func (s *stepsOf) note(worker int, step uint64) { s[worker%maxWorkers].Store(step) }

// stepOf is worker and step in a word.
func stepOf(worker int, step uint64) uint64 { return uint64(worker)<<48 | step&(1<<48-1) }

// sent reports that what was queued in a step of another worker is sent, because
// that has noted a step after the next, or did nothing for at least a tick.
func (s *stepsOf) sent(r *round, own int, now uint32) bool {
	by := r.by.Load()
	worker := int(by >> 48)
	return worker == own || s[worker%maxWorkers].Load()&(1<<48-1) >= by&(1<<48-1)+2 || now-r.at.Load() >= 2
}

// begin starts a round with the packet that was read.
func (r *round) begin(p *reading, frame []byte, generation, now uint32) {
	r.waiting.Store(1)
	r.mark.Store(p.mark(frame))
	r.out.Store(0)
	r.in.Store(uint64(p.payload))
	r.look.Store(uint32(p.look))
	r.generation.Store(generation)
	r.began.Store(now)
}

// add notes a further packet that the host is given.
func (r *round) add(p *reading) {
	r.in.Add(uint64(p.payload))
	r.look.Store(uint32(p.look))
}

// returned notes a packet that the host has sent on; false while none of this round
// has come.
func (r *round) returned(p *reading, frame []byte) bool {
	if r.waiting.Load() == 0 {
		r.out.Add(uint64(p.payload))
	} else {
		before, ok := p.before(r.mark.Load(), frame)
		if !ok {
			return false
		}
		r.out.Store(uint64(p.payload - before))
		r.waiting.Store(0)
	}
	var other uint32
	if r.look.Load() != uint32(p.look) {
		other = 1
	}
	r.other.Store(other)
	return true
}

// over says that the host has sent on all that it was given, and changed nothing
// but what the shortcut changes as well.
func (r *round) over() bool {
	return r.waiting.Load() == 0 && r.in.Load() == r.out.Load() && r.other.Load() == 0
}
