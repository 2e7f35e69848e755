package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// foreign says what happens to a frame from the wire for a unicast MAC that is
// not the master's.
type foreign uint8

const (
	foreignDropped foreign = iota
	foreignToHost
	foreignClassified
)

// classify decides in l2 and l3 which slave gets a frame from the wire, or
// whether the host does (ipvlan_core.c, ipvlan_handle_frame). The master's flag
// plays no part.
type classify struct {
	*plane
	l2        bool
	foreign   foreign
	replicate *replicate // l2 only
	tag       *tag
	counters  []flows.Counter
}

// Push takes frames from the wire.
func (c *classify) Push(b flows.Burst) {
	pkts := c.vec.Packets(b)
	v := c.verdicts[:len(pkts)]
	for i, m := range pkts {
		frame, ok := wire.ParseEthernet(m.Data())
		if !ok {
			v[i] = toDrop + flows.Verdict(Runt)
			continue
		}
		tci, stripped := m.VLAN()
		if stripped && tci&vlanID != 0 {
			v[i] = toTagged
			continue
		}
		if t := frame.Type(); t == wire.TypeVLAN || t == wire.TypeQinQ {
			v[i] = c.untag(&pkts[i])
			continue
		}
		v[i] = c.verdict(frame, m.Len())
	}
	for _, g := range c.group(b, c.counters) {
		switch g.Verdict {
		case toFlood:
			c.replicate.fromWire(g.Burst)
		case toTagged:
			c.tag.Push(g.Burst)
		default:
			c.deliver(g, c.counters)
		}
	}
}

// verdict decides about an untagged frame of length bytes.
func (c *classify) verdict(frame wire.Ethernet, length int) flows.Verdict {
	if d := frame.Dst(); d != c.mac {
		if d.Group() {
			if c.l2 {
				return c.groupVerdict(frame, length)
			}
		} else if c.foreign != foreignClassified {
			if c.foreign == foreignToHost {
				return toHost
			}
			return toDrop + flows.Verdict(ForeignMAC)
		}
	}
	if id, ok := destination(c.table, frame, length); ok {
		return c.slaveVerdict(id)
	}
	return toHost
}

// groupVerdict decides about a group frame in l2. The host always gets it. The
// slaves do not when it comes from one of them, returned by the network
// (ipvlan_core.c, ipvlan_external_frame).
func (c *classify) groupVerdict(frame wire.Ethernet, length int) flows.Verdict {
	if !floods(frame) {
		return toHost
	}
	if frame.Src() == c.mac {
		if _, ok := source(c.table, frame, length); ok {
			return toHost
		}
	}
	return toFlood
}

// untag decides about a frame with a tag. A tag of VLAN 0 bears a priority only
// and is taken off (IEEE 802.1Q, 6.9); frames of other VLANs belong to the
// host, which has the VLAN interfaces.
func (c *classify) untag(slot **pmd.Mbuf) flows.Verdict {
	t, ok := wire.ParseVLAN((*slot).Data())
	if !ok || t.ID() != 0 {
		return toHost
	}
	m := c.vec.Writable(*slot)
	if m == nil {
		return toDrop + flows.Verdict(NoMbuf)
	}
	*slot = m
	wire.VLAN(m.Data()).MoveAddrs()
	m.TrimFront(wire.VLANLen)
	return c.verdict(wire.Ethernet(m.Data()), m.Len())
}
