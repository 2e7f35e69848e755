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
	replicate *replicate
	received  *classify // of frames that the master gets as if from the wire
}

func (e *egressL2) push(from int, b flows.Burst) {
	pkts := e.vec.Packets(b)
	v := e.verdicts[:len(pkts)]
	for i, m := range pkts {
		v[i] = e.verdict(&pkts[i], wire.Ethernet(m.Data()))
	}
	c := e.slaves[from].counters
	for _, g := range e.group(b) {
		switch g.Verdict {
		case toFlood:
			e.replicate.fromSlave(from, g.Burst)
		case toFloodAll:
			e.replicate.fromWire(g.Burst)
		default:
			e.deliver(g, c)
		}
	}
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
		return toFlood
	case frame.Type() == wire.TypePause:
		return toDrop + flows.Verdict(PauseFrame)
	}
	return toWire
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
