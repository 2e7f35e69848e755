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
	queries   [64]query6 // scratch of decide
}

// Push takes frames from the wire.
func (c *classify) Push(b flows.Burst) {
	pkts := c.vec.Packets(b)
	c.decide(pkts, c.verdicts[:len(pkts)])
	for _, g := range c.group(b) {
		switch {
		case g.Verdict >= toSlave: // as deliver does, but without a call
			c.slaves[g.Verdict-toSlave].out.Push(g.Burst)
		case g.Verdict == toFlood:
			c.replicate.fromWire(g.Burst)
		case g.Verdict == toTagged:
			c.tag.Push(g.Burst)
		default:
			c.deliver(g, c.counters)
		}
	}
}

// decide gives every packet its verdict. IPv4 for the master's MAC, which most
// packets are, is looked up without a call to what the others need: that saves
// a quarter of the time.
func (c *classify) decide(pkts []*pmd.Mbuf, v []flows.Verdict) {
	slots, mac, byID := c.table.v4.Load(), macWord(c.mac), c.byID
	v = v[:len(pkts)]
	waiting := 0 // of c.queries
	for i, m := range pkts {
		if b := m.Data(); len(b) >= plainLen {
			dst, ok := plain4((*[plainLen]byte)(b), m.Len()-wire.EthernetLen, mac)
			if _, stripped := m.VLAN(); ok && !stripped {
				if id := pick(slots.near(slots.hash4(dst), dst)); id < uint64(len(byID)) {
					v[i] = byID[id]
				} else {
					v[i] = c.lookup4(dst)
				}
				continue
			}
		}
		if b := m.Data(); len(b) >= plain6Len && plain6((*[plain6Len]byte)(b), mac) {
			if _, stripped := m.VLAN(); !stripped {
				q := &c.queries[waiting]
				q.pkt = i
				q.hi, q.lo = wire.IPv6(b[wire.EthernetLen:]).Dst()
				if waiting++; waiting == len(c.queries) {
					c.lookup6(pkts, v, c.queries[:])
					waiting = 0
				}
				continue
			}
		}
		v[i] = c.other(&pkts[i])
	}
	c.lookup6(pkts, v, c.queries[:waiting])
}

// lookup4 is the verdict for a packet to IPv4 address a.
func (c *classify) lookup4(a uint32) flows.Verdict {
	if id, ok := c.table.Lookup4(a); ok {
		return c.slaveVerdict(id)
	}
	return toHost
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
