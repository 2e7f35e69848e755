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
	own       bool   // every source is the master's MAC, and
	siblings  bool   // plain frames to it are for siblings
	hosts     *Table // the host port's addresses, when the host hears of neighbours; else nil
	replicate flood
	received  *classify // of frames that the master gets as if from the wire
}

func (e *egressL2) push(from int, b flows.Burst) {
	for ; b.N > sifted; b.Off, b.N = b.Off+sifted, b.N-sifted {
		e.send(from, flows.Burst{Off: b.Off, N: sifted})
	}
	e.send(from, b)
}

// send takes up to sifted frames.
func (e *egressL2) send(from int, b flows.Burst) {
	pkts := e.vec.Packets(b)
	left := 0
	if e.own {
		left = e.sift.leave(pkts, 0, e.macWord)
	}
	var groups []flows.Group
	if left == len(pkts) {
		groups, _ = e.sortAll(b, toWire)
	} else {
		groups, _ = e.sort(b, e.decide(pkts, left))
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
}

// decide gives every packet from place i on its verdict, in sift; least is for sort. If
// ingress has seen to it that the source is the master's MAC, frames to another go to the
// wire, and plain packets for siblings are found as those from the wire are.
func (e *egressL2) decide(pkts []*pmd.Mbuf, i int) (least uint32) {
	s := e.sift
	for i < len(pkts) {
		end := i
		if e.own {
			i = s.leave(pkts, i, e.macWord)
			if end = i; i == len(pkts) {
				break
			}
		}
		if e.siblings {
			if end = s.read4(pkts, i, e.macWord); end > i && s.longest(i, end) <= e.least {
				s.look4(e.table.v4.Load(), i, end)
				for i = s.known4(e.byID, i, end); i < end; i = s.known4(e.byID, i+1, end) {
					least = max(least, e.one(&pkts[i], i))
				}
				continue
			}
			if end = s.read6(pkts, i, e.macWord); end > i && s.longest(i, end) <= e.least {
				t := e.table.v6.Load()
				s.entries6(t, i, end)
				for i = s.known6(t.entries, e.byID, i, end); i < end; i = s.known6(t.entries, e.byID, i+1, end) {
					least = max(least, e.one(&pkts[i], i))
				}
				continue
			}
		}
		least = max(least, e.one(&pkts[i], i))
		i++
	}
	return least
}

// one decides about a packet of any kind, the i-th. What it gives is for sort.
func (e *egressL2) one(slot **pmd.Mbuf, i int) (least uint32) {
	length := (*slot).Len()
	v := e.verdict(slot, wire.Ethernet((*slot).Data()))
	return e.sift.note(i, *slot, length, v)
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
