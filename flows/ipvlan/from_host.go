package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// fromHost lets the host reach its slaves in l2 and l3, which the kernel's driver
// does not: ipvlan has no hook where its master sends. In l2 the host is a station
// on the slaves' link; in l3 it is their router.
type fromHost struct {
	*plane
	replicate flood   // l2 only
	answer    *answer // l3 only
	counters  []flows.Counter
}

// Push takes frames from the host port.
func (h *fromHost) Push(b flows.Burst) {
	pkts := h.vec.Packets(b)
	v := h.verdicts[:len(pkts)]
	for i := range pkts {
		v[i] = h.verdict(&pkts[i], flows.Burst{Off: b.Off + uint32(i), N: 1})
	}
	for _, g := range h.group(b) {
		switch g.Verdict {
		case toAnswer:
			h.answer.Push(g.Burst)
		case toFlood:
			h.replicate.fromHost(g.Burst)
		default:
			h.deliver(g, h.counters)
		}
	}
}

// verdict decides about the packet in slot, which is the burst self.
func (h *fromHost) verdict(slot **pmd.Mbuf, self flows.Burst) flows.Verdict {
	m := *slot
	frame, ok := wire.ParseEthernet(m.Data())
	if !ok {
		return toWire
	}
	if h.answer == nil {
		return h.l2(frame, m, self)
	}
	return h.l3(frame, slot)
}

// l2 decides as a switch does: by the MAC address, which the slaves share with the
// host, and then by the slaves' addresses. The wire gets group frames as ever.
func (h *fromHost) l2(frame wire.Ethernet, m *pmd.Mbuf, self flows.Burst) flows.Verdict {
	if frame.Group() {
		if announces(frame) {
			return toFlood
		}
		if _, id, ok := h.asked(frame, m.Len()); ok {
			h.copyTo(&h.slaves[h.slaveVerdict(id)-toSlave], m, self)
		}
		return toWire
	}
	if frame.Dst() == h.mac {
		if id, ok := destination(h.table, frame, m.Len()); ok {
			return h.local(h.slaveVerdict(id), m)
		}
	}
	return toWire
}

// copyTo gives a slave a question as well, which its own stack answers.
func (h *fromHost) copyTo(e *end, m *pmd.Mbuf, self flows.Burst) {
	if m.Longest() > e.limit {
		return
	}
	m.AddRefs(1)
	h.counters[copied].Add(1)
	e.counters[multicast].Add(1)
	e.out.Push(self)
}

// l3 decides by the IP address whatever the MAC address, as between slaves: they
// are mostly on other subnets than the host, and its way to them leads through a
// router then. Questions for them end here, probes too: whoever has the address
// must be heard of.
func (h *fromHost) l3(frame wire.Ethernet, slot **pmd.Mbuf) flows.Verdict {
	m := *slot
	if frame.Type() == wire.TypeARP || frame.Group() || frame.Dst() == h.mac {
		if q, _, ok := h.asked(frame, m.Len()); ok && q.Sound() {
			return toAnswer
		}
	}
	if frame.Type() == wire.TypeARP || frame.Group() {
		return toWire
	}
	id, ok := destination(h.table, frame, m.Len())
	if !ok {
		return toWire
	}
	if frame.Dst() != h.mac {
		w := h.vec.Writable(m)
		if w == nil {
			return toDrop + flows.Verdict(NoMbuf)
		}
		*slot = w
		wire.Ethernet(w.Data()).SetDst(h.mac)
	}
	return h.local(h.slaveVerdict(id), *slot)
}
