package ipvlan

import (
	"encoding/binary"

	"ipvd/flows/wire"
)

// destination gives the slave that has the address for which frame b is: the
// IP destination, the target of an ARP packet, or the target of a neighbour
// solicitation from an address that is not confirmed yet. The frame has length
// bytes, which may be more than b, its first segment. What cannot be read
// matches nothing (ipvlan_core.c, ipvlan_get_L3_hdr and ipvlan_addr_lookup).
func destination(t *Table, b wire.Ethernet, length int) (slave uint32, ok bool) {
	switch b.Type() {
	case wire.TypeIPv4:
		if p, ok := wire.ParseIPv4(b.Payload(), length-wire.EthernetLen); ok {
			return t.Lookup4(p.Dst())
		}
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(b.Payload())
		if !ok {
			return 0, false
		}
		if unconfirmed(p) {
			return solicited(t, p)
		}
		return t.Lookup6(p.Dst())
	case wire.TypeARP:
		if a, ok := wire.ParseARP(b.Payload()); ok {
			return t.Lookup4(a.TargetIP())
		}
	}
	return 0, false
}

// sentMore is how many bytes more than it has a slave's packet may claim: the
// kernel's driver counts the Ethernet header, which received frames have no more
// when it looks at them (ipvlan_core.c, ipvlan_get_L3_hdr).
const sentMore = wire.EthernetLen

// source gives the slave that has the address from which frame b is.
func source(t *Table, b wire.Ethernet, length int) (slave uint32, ok bool) {
	switch b.Type() {
	case wire.TypeIPv4:
		if p, ok := wire.ParseIPv4(b.Payload(), length-wire.EthernetLen); ok {
			return t.Lookup4(p.Src())
		}
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(b.Payload())
		if !ok {
			return 0, false
		}
		if unconfirmed(p) {
			return solicited(t, p)
		}
		return t.Lookup6(p.Src())
	case wire.TypeARP:
		if a, ok := wire.ParseARP(b.Payload()); ok {
			return t.Lookup4(a.SenderIP())
		}
	}
	return 0, false
}

// unconfirmed reports ICMPv6 from the unspecified address: duplicate address
// detection, or a router solicitation.
func unconfirmed(p wire.IPv6) bool {
	hi, lo := p.Src()
	return hi|lo == 0 && p.Next() == wire.ProtoICMPv6
}

// solicited gives the slave whose address p asks for; other messages than a
// neighbour solicitation match nothing.
func solicited(t *Table, p wire.IPv6) (slave uint32, ok bool) {
	m, ok := wire.ParseND(p[wire.IPv6Len:])
	if !ok || m.Type() != wire.NDNeighborSolicit {
		return 0, false
	}
	return t.Lookup6(m.Target())
}

// floods reports that a group frame goes to every slave: broadcast, and IP
// multicast (RFC 1112, section 6.4; RFC 2464, section 7), to which the upper half
// of 01:00:5e does not belong (RFC 7042, section 2.1.1). ipvlan gives a slave the
// groups that it joined, and no slave joins others; MAC control frames it gives
// to none (ipvlan_core.c, ipvlan_multicast_enqueue).
func floods(b wire.Ethernet) bool {
	if b.Type() == wire.TypePause {
		return false
	}
	d := binary.BigEndian.Uint32(b) // the first four bytes of the destination
	return b.Dst() == wire.Broadcast() || d>>16 == 0x3333 || d&^0x7f == 0x01005e00
}
