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
	replicate flood // l2 only
	tag       flows.Stage
	counters  []flows.Counter
	proxy     *proxy      // l3 only, and nil unless it answers the wire
	answers   flows.Stage // the proxy
}

// Push takes frames from the wire.
func (c *classify) Push(b flows.Burst) { c.PushMetered(b) }

// PushMetered does, and gives their bytes.
func (c *classify) PushMetered(b flows.Burst) (bytes uint64) {
	for b.N > 0 {
		part := flows.Burst{Off: b.Off, N: min(b.N, sifted)}
		groups, n := c.sort(part, c.decide(c.vec.Packets(part)))
		bytes += n
		for _, g := range groups {
			c.hand(g)
		}
		b.Off, b.N = b.Off+part.N, b.N-part.N
	}
	return bytes
}

// hand hands a group on.
func (c *classify) hand(g flows.Group) {
	switch g.Verdict {
	case toFlood:
		c.replicate.fromWire(g.Burst)
	case toTagged:
		c.tag.Push(g.Burst)
	case toAnswer:
		c.answers.Push(g.Burst)
	default:
		c.deliver(g, c.counters)
	}
}

// decide gives every packet its verdict, in c.sift. least is for sort.
func (c *classify) decide(pkts []*pmd.Mbuf) (least uint32) {
	s := c.sift
	for i := 0; i < len(pkts); {
		if end := s.read4(pkts, i, c.macWord); end > i {
			s.find4(c.table.v4.Load(), c.plane, i, end)
			i = end
		} else if end = s.read6(pkts, i, c.macWord); end > i {
			s.find6(c.table.v6.Load(), c.plane, i, end)
			i = end
		} else {
			length := pkts[i].Len()
			v := c.other(&pkts[i])
			least = max(least, s.note(i, pkts[i], length, v))
			i++
		}
	}
	return least
}

// other decides about a packet of any kind.
func (c *classify) other(slot **pmd.Mbuf) flows.Verdict {
	m := *slot
	frame, ok := wire.ParseEthernet(m.Data())
	if !ok {
		return toDrop + flows.Verdict(Runt)
	}
	if tci, stripped := m.VLAN(); stripped && tci&vlanID != 0 {
		return toTagged
	}
	if t := frame.Type(); t == wire.TypeVLAN || t == wire.TypeQinQ {
		return c.untag(slot)
	}
	return c.verdict(frame, m.Len())
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
	if c.proxy != nil && c.proxy.asks(frame, length) {
		return toAnswer
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

// leastTagged is the shortest frame whose tag a kernel takes off, in bytes; it
// drops others with a tag (net/core/skbuff.c, skb_vlan_untag).
const leastTagged = wire.EthernetLen + wire.VLANLen + 2

// untag decides about a frame with a tag. A tag of VLAN 0 bears a priority only
// and is taken off (IEEE 802.1Q, 6.9); frames of other VLANs belong to the
// host, which has the VLAN interfaces.
func (c *classify) untag(slot **pmd.Mbuf) flows.Verdict {
	t, ok := wire.ParseVLAN((*slot).Data())
	if !ok || t.ID() != 0 || (*slot).Len() < leastTagged {
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
