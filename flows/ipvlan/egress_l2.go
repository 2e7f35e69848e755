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
}

func (e *egressL2) push(from int, b flows.Burst) {
	pkts := e.vec.Packets(b)
	v := e.verdicts[:len(pkts)]
	for i, m := range pkts {
		v[i] = e.verdict(wire.Ethernet(m.Data()), m)
	}
	c := e.slaves[from].counters
	for _, g := range e.group(b) {
		if g.Verdict == toFlood {
			e.replicate.fromSlave(from, g.Burst)
			continue
		}
		e.deliver(g, c)
	}
}

// verdict compares the frame's two addresses, as the kernel does, and not with
// the master's: with policy pass a slave may bear another.
func (e *egressL2) verdict(frame wire.Ethernet, m *pmd.Mbuf) flows.Verdict {
	if e.flag != VEPA && frame.Dst() == frame.Src() {
		id, ok := destination(e.table, frame, m.Len())
		switch {
		case !ok:
			return e.local(toHost, m)
		case e.flag == Private:
			return toDrop + flows.Verdict(PrivateSibling)
		}
		return e.local(e.slaveVerdict(id), m)
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
