package mirror

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Attributes of next hops (linux/nexthop.h), which package unix lacks.
const (
	nhaID        = 1
	nhaGroup     = 2
	nhaBlackhole = 4
	nhaOIF       = 5
	nhaGateway   = 6
	nhaEncapType = 7
	nhaFDB       = 11

	sizeofNhmsg = 8
)

// hop is a next hop of a route as the kernel has it.
type hop struct {
	index  uint32 // of the device
	via    netip.Addr
	weight uint32
	flags  uint32 // RTNH_F_*
	encap  bool   // the packet is put into another
}

// nexthop is a next hop that routes refer to by a number.
type nexthop struct {
	id        uint32
	hop       hop
	members   []hop // of a group: index is the number of the member
	blackhole bool
	odd       bool
}

// parseNexthop reads an RTM_NEWNEXTHOP or RTM_DELNEXTHOP.
func parseNexthop(b []byte) (n nexthop, ok bool) {
	if len(b) < sizeofNhmsg {
		return n, false
	}
	n.hop.flags, n.hop.weight = u32(b[4:]), 1
	for kind, v := range attrs(b[sizeofNhmsg:]) {
		switch kind {
		case nhaID:
			n.id = u32(v)
		case nhaGroup:
			for ; len(v) >= 8; v = v[8:] {
				n.members = append(n.members, hop{index: u32(v), weight: 1 + uint32(v[4]) + uint32(v[5])<<8})
			}
		case nhaBlackhole:
			n.blackhole = true
		case nhaOIF:
			n.hop.index = u32(v)
		case nhaGateway:
			n.hop.via = address(v)
		case nhaEncapType:
			n.hop.encap = true
		case nhaFDB:
			n.odd = true
		}
	}
	return n, n.id != 0
}

// same reports equal next hops.
func (n nexthop) same(o nexthop) bool {
	if n.hop != o.hop || n.blackhole != o.blackhole || n.odd != o.odd || len(n.members) != len(o.members) {
		return false
	}
	for i := range n.members {
		if n.members[i] != o.members[i] {
			return false
		}
	}
	return true
}

// hopsOf gives the next hops behind number id, each of a group with its weight,
// and false when they are not known.
func (m *Mirror) hopsOf(id uint32) (hops []hop, blackhole, ok bool) {
	n, known := m.nexthops[id]
	m.used[id] = true
	if !known || n.odd {
		return nil, false, false
	}
	if len(n.members) == 0 {
		return []hop{n.hop}, n.blackhole, true
	}
	for _, g := range n.members {
		member, known := m.nexthops[g.index]
		m.used[g.index] = true
		if !known || member.odd || member.blackhole || len(member.members) > 0 {
			return nil, false, false
		}
		h := member.hop
		h.weight = g.weight
		hops = append(hops, h)
	}
	return hops, false, true
}

// nexthopChanged takes a notification. Of routes that refer to it the kernel need
// not say anything.
func (m *Mirror) nexthopChanged(b []byte, deleted bool) {
	n, ok := parseNexthop(b)
	if !ok {
		return
	}
	old, known := m.nexthops[n.id]
	if m.used[n.id] && (deleted || known && !old.same(n)) {
		m.again = true
	}
	if deleted {
		delete(m.nexthops, n.id)
		return
	}
	m.nexthops[n.id] = n
}

// dead are the flags of a next hop that is not used.
const dead = unix.RTNH_F_DEAD
