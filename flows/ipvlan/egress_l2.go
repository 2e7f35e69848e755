package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// egressL2 decides in l2 where a slave's frame goes (ipvlan_core.c,
// ipvlan_xmit_mode_l2): a sibling when it is addressed to the MAC that all of
// them share, every station when to a group, else the wire.
type egressL2 struct {
	*plane
	flag      Flag
	own       bool   // every source is to be the master's MAC, and
	siblings  bool   // plain frames to it are for siblings
	words     own    // by which such frames are told
	hosts     *Table // the host port's addresses, when the host hears of neighbours; else nil
	replicate flood
	received  *classify // of frames that the master gets as if from the wire

	in *ingress // of the burst that is decided about; nil: it has seen the frames
}

func (e *egressL2) push(from int, in *ingress, b flows.Burst) (bytes uint64) {
	e.in = in
	pkts := e.vec.Packets(b)
	left := 0
	if e.own {
		left = e.sift.leave(pkts, 0, &e.words)
	}
	var groups []flows.Group
	if left == len(pkts) {
		groups, bytes = e.sortAll(b, toWire)
	} else {
		groups, bytes = e.sort(b, e.decide(pkts, left))
	}
	c := e.slaves[from].counters
	for _, g := range groups {
		switch g.Verdict {
		case toFlood:
			e.replicate.fromSlave(from, g.Burst)
		case toFloodHost:
			e.replicate.withHost(from, g.Burst)
		case toFloodAll:
			e.replicate.fromWire(g.Burst)
		default:
			e.deliver(g, c)
		}
	}
	return bytes
}

// decide gives every packet from place i on its verdict, in sift; least is for sort. Frames
// from the master's MAC address to another go to the wire, and plain packets for siblings are
// found as those from the wire are.
func (e *egressL2) decide(pkts []*pmd.Mbuf, i int) (least uint32) {
	s := e.sift
	for i < len(pkts) {
		if e.own {
			if i = s.leave(pkts, i, &e.words); i == len(pkts) {
				break
			}
		}
		if e.siblings {
			if end := s.readOwn4(pkts, i, &e.words); end > i {
				least = max(least, e.found4(pkts, i, end))
				i = end
				continue
			}
			if end := s.readOwn6(pkts, i, &e.words); end > i {
				least = max(least, e.found6(pkts, i, end))
				i = end
				continue
			}
		}
		least = max(least, e.one(&pkts[i], i))
		i++
	}
	return least
}

// found4 gives the packets from place i to end, which were read, their verdicts: one by one
// if a sibling may not take the longest.
func (e *egressL2) found4(pkts []*pmd.Mbuf, i, end int) (least uint32) {
	s, short := e.sift, e.sift.longest(i, end) <= e.least
	if short {
		s.look4(e.table.v4.Load(), i, end)
	}
	for ; i < end; i++ {
		if short {
			if i = s.known4(e.byID, i, end); i == end {
				break
			}
		}
		least = max(least, e.one(&pkts[i], i))
	}
	return least
}

// found6 does so for IPv6.
func (e *egressL2) found6(pkts []*pmd.Mbuf, i, end int) (least uint32) {
	s, t, short := e.sift, e.table.v6.Load(), e.sift.longest(i, end) <= e.least
	if short {
		s.entries6(t, i, end)
	}
	for ; i < end; i++ {
		if short {
			if i = s.known6(t.entries, e.byID, i, end); i == end {
				break
			}
		}
		least = max(least, e.one(&pkts[i], i))
	}
	return least
}

// one decides about a packet of any kind, the i-th. What it gives is for sort.
func (e *egressL2) one(slot **pmd.Mbuf, i int) (least uint32) {
	length := (*slot).Len()
	v := e.unread(slot)
	return e.sift.note(i, *slot, length, v)
}

// unread decides about a frame that ingress may not have seen.
func (e *egressL2) unread(slot **pmd.Mbuf) flows.Verdict {
	if r, ok := e.in.admitted(slot); !ok {
		return toDrop + flows.Verdict(r)
	}
	return e.verdict(slot, wire.Ethernet((*slot).Data()))
}

// verdict compares the frame's two addresses, as the kernel does, and not with
// the master's: with policy pass a slave may bear another.
func (e *egressL2) verdict(slot **pmd.Mbuf, frame wire.Ethernet) flows.Verdict {
	if e.flag != VEPA && frame.Dst() == frame.Src() {
		id, ok := destination(e.table, frame, (*slot).Len()+sentMore)
		switch {
		case !ok:
			return e.turn(slot)
		case e.flag == Private:
			return toDrop + flows.Verdict(PrivateSibling)
		}
		return e.local(e.slaveVerdict(id), *slot)
	}
	switch {
	case !frame.Group():
		return toWire
	case floods(frame):
		if e.hosts != nil && e.concernsHost(frame, (*slot).Len()) {
			return toFloodHost
		}
		return toFlood
	case frame.Type() == wire.TypePause:
		return toDrop + flows.Verdict(PauseFrame)
	}
	return toWire
}

// concernsHost reports a group frame by which neighbours find each other, and the
// host one of them: a question for its address, or the news of another's.
func (e *egressL2) concernsHost(frame wire.Ethernet, length int) bool {
	if announces(frame) {
		return true
	}
	_, _, ok := askedFor(e.hosts, frame, length)
	return ok
}

// turn decides about a frame that the master gets as if it came from the wire
// (ipvlan_xmit_mode_l2, dev_forward_skb): mostly for the host, but a tag may have
// hidden a slave's address, and a group is one of all.
func (e *egressL2) turn(slot **pmd.Mbuf) flows.Verdict {
	v := e.local(toHost, *slot)
	if v != toHost {
		return v
	}
	if v = e.received.other(slot); v == toFlood {
		return toFloodAll
	}
	return v
}
