package compare

import (
	"net/netip"
	"slices"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// What rules ask about the frame that a step sent.

// packet4 is the stimulus' IPv4 packet; false when its header is wrong. A tag of
// VLAN 0 does not hide it.
func (s situation) packet4() (wire.IPv4, bool) {
	f := s.plain()
	if f == nil || f.Type() != wire.TypeIPv4 {
		return nil, false
	}
	return wire.ParseIPv4(f.Payload(), len(f)-wire.EthernetLen)
}

// packet6 is the stimulus' IPv6 packet.
func (s situation) packet6() (wire.IPv6, bool) {
	f := s.plain()
	if f == nil || f.Type() != wire.TypeIPv6 {
		return nil, false
	}
	return wire.ParseIPv6(f.Payload())
}

// plain is the stimulus without tags of VLAN 0, which the master takes off what
// the wire sends; nil: no frame.
func (s situation) plain() wire.Ethernet {
	if s.step.At == scenario.Wire {
		return plain(s.stimulus())
	}
	return s.stimulus()
}

// plain is a frame without tags of VLAN 0.
func plain(f wire.Ethernet) wire.Ethernet {
	for range 2 {
		v, ok := wire.ParseVLAN(f)
		if !ok || v.ID() != 0 {
			return f
		}
		f = append(slices.Clone(f[:12]), f[12+wire.VLANLen:]...)
	}
	return f
}

// ends are the addresses of the stimulus' packet.
func (s situation) ends() (src, dst netip.Addr, ok bool) {
	if p, ok := s.packet4(); ok {
		return netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20])), true
	}
	if p, ok := s.packet6(); ok {
		return netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40])), true
	}
	return src, dst, false
}

// hops is the TTL or hop limit of the stimulus' packet.
func (s situation) hops() (n uint8, ok bool) {
	if p, ok := s.packet4(); ok {
		return p.TTL(), true
	}
	if p, ok := s.packet6(); ok {
		return p.HopLimit(), true
	}
	return 0, false
}

// slave reports an address of a slave.
func (s situation) slave(a netip.Addr) bool {
	for i, o := range s.scenario.Slaves {
		if has(o.Station, a) || s.scenario.LinkLocal && a == s.linkLocalOf(i+1) {
			return true
		}
	}
	return false
}

// linkLocalOf is the link-local address of the slave with that dev_id: the
// master's MAC address with the id in the middle (net/addrconf.h,
// addrconf_ifid_eui48).
func (s situation) linkLocalOf(id int) netip.Addr {
	m := s.master()
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: m[0], 9: m[1], 10: m[2], 11: byte(id >> 8), 12: byte(id), 13: m[3], 14: m[4], 15: m[5]})
}

// has reports an address of a station.
func has(s scenario.Station, a netip.Addr) bool {
	return slices.ContainsFunc(s.Addrs, func(text string) bool {
		p, err := netip.ParsePrefix(firstWord(text))
		return err == nil && p.Addr() == a
	})
}

// firstWord of an address is its prefix; flags follow (ip-address(8)).
func firstWord(s string) string {
	for i, c := range s {
		if c == ' ' {
			return s[:i]
		}
	}
	return s
}
