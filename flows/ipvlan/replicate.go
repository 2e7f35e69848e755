package ipvlan

import "ipvd/flows"

// replicate gives group frames to slaves in l2 by reference: the same packets
// are queued on every receiver's port. The host's copy of a frame from the
// wire, and the wire's copy of a slave's frame, do not depend on it: unlike in
// the kernel's driver, a storm that exceeds the limit costs the slaves' copies
// only (ipvlan_core.c, ipvlan_multicast_enqueue).
type replicate struct {
	*plane
	limit    int // frames in a step
	left     int // of limit, in the step that began with resets
	resets   uint64
	counters []flows.Counter
}

// fromWire gives b to the host and to all slaves.
func (r *replicate) fromWire(b flows.Burst) {
	head := r.reserve(b)
	r.reference(head, len(r.slaves))
	r.host.out.Push(b)
	if head.N == 0 {
		return
	}
	for i := range r.slaves {
		e := &r.slaves[i]
		e.out.Push(head)
		e.counters[multicast].Add(uint64(head.N))
	}
}

// fromHost gives b to the wire and to all slaves.
func (r *replicate) fromHost(b flows.Burst) {
	head := r.reserve(b)
	longest := r.reference(head, len(r.slaves))
	r.transmit(b, r.host.counters)
	r.toSlaves(-1, head, longest)
}

// withHost gives b, which slave number from sent, to the host as well as fromSlave
// does to the others.
func (r *replicate) withHost(from int, b flows.Burst) {
	r.reference(b, 1)
	r.host.out.Push(b)
	r.fromSlave(from, b)
}

// fromSlave gives b, which slave number from sent, to the wire and to the other
// slaves.
func (r *replicate) fromSlave(from int, b flows.Burst) {
	head := r.reserve(b)
	longest := r.reference(head, len(r.slaves)-1)
	r.transmit(b, r.slaves[from].counters)
	r.toSlaves(from, head, longest)
}

// toSlaves gives b to all slaves but one. No packet is longer than longest.
func (r *replicate) toSlaves(but int, b flows.Burst, longest int) {
	if b.N == 0 {
		return
	}
	for i := range r.slaves {
		if i == but {
			continue
		}
		e := &r.slaves[i]
		if longest > e.limit {
			r.fitting(e, b)
			continue
		}
		e.out.Push(b)
		e.counters[multicast].Add(uint64(b.N))
	}
}

// reserve takes from this step's limit and gives the part of b that is within
// it. For the rest one copy a frame counts as made and dropped, as the kernel's
// driver makes one before it looks at its backlog.
func (r *replicate) reserve(b flows.Burst) flows.Burst {
	if r.resets != r.vec.Resets {
		r.resets, r.left = r.vec.Resets, r.limit
	}
	n := min(b.N, uint32(r.left))
	r.left -= int(n)
	if over := uint64(b.N - n); over > 0 {
		r.counters[copied].Add(over)
		r.counters[ReplicateFull].Add(over)
		if r.watch != nil {
			r.watch.Dropped(r.counters, int(ReplicateFull), r.vec.Packets(b)[n:])
		}
	}
	return flows.Burst{Off: b.Off, N: n}
}

// reference adds n references to the packets of b and gives the length of the
// longest, or of what one becomes, in bytes.
func (r *replicate) reference(b flows.Burst, n int) (longest int) {
	for _, m := range r.vec.Packets(b) {
		m.AddRefs(n)
		longest = max(longest, m.Longest())
	}
	r.counters[copied].Add(uint64(b.N) * uint64(n))
	return longest
}

// fitting gives e those packets of b that it may receive from a sibling.
func (r *replicate) fitting(e *end, b flows.Burst) {
	for i, m := range r.vec.Packets(b) {
		if m.Longest() > e.limit {
			r.dropOne(m, TooLong, e.counters)
			continue
		}
		e.out.Push(flows.Burst{Off: b.Off + uint32(i), N: 1})
		e.counters[multicast].Add(1)
	}
}
