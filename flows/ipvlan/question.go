package ipvlan

import "ipvd/flows/wire"

// askedFor gives the owner, by t, of the address for whose MAC an untagged frame
// of length bytes asks. One in several segments asks for none.
func askedFor(t *Table, frame wire.Ethernet, length int) (q wire.Question, owner uint32, ok bool) {
	if len(frame) != length {
		return q, 0, false
	}
	if q, ok = wire.ParseQuestion(frame); !ok {
		return q, 0, false
	}
	if a, v4 := q.Addr4(); v4 {
		owner, ok = t.Lookup4(a)
	} else {
		hi, lo, _ := q.Addr6()
		owner, ok = t.Lookup6(hi, lo)
	}
	return q, owner, ok
}

// asked is askedFor an address of a slave that is attached.
func (p *plane) asked(frame wire.Ethernet, length int) (q wire.Question, slave uint32, ok bool) {
	q, slave, ok = askedFor(p.table, frame, length)
	return q, slave, ok && p.slaveVerdict(slave) >= toSlave
}

// announces reports that a group frame tells of an address of its sender's: an ARP
// announcement (RFC 5227, section 2.3) or a neighbour advertisement, without
// extension headers, as stacks send it.
func announces(frame wire.Ethernet) bool {
	switch frame.Type() {
	case wire.TypeARP:
		a, ok := wire.ParseARP(frame.Payload())
		return ok && a.SenderIP() == a.TargetIP()
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(frame.Payload())
		if !ok || p.Next() != wire.ProtoICMPv6 {
			return false
		}
		m, ok := wire.ParseND(p.Payload())
		return ok && m.Type() == wire.NDNeighborAdvert
	}
	return false
}
