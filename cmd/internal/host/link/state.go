package link

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// GenMode says how the kernel makes an interface's IPv6 link-local address
// (IFLA_INET6_ADDR_GEN_MODE, linux/if_link.h).
type GenMode uint8

// The kernel's modes.
const (
	GenEUI64 GenMode = iota
	GenNone
	GenStablePrivacy
	GenRandom
)

// State is what rtnetlink says of an interface. It is comparable.
type State struct {
	Index   int
	Name    string
	Alias   string
	Type    uint16 // ARPHRD_*
	Flags   uint32 // IFF_UP, IFF_NOARP, IFF_LOWER_UP, …
	MTU     int    // bytes
	Addr    string // link-layer address in its raw bytes; see MAC
	TxQLen  int    // frames
	Master  int    // index of the bridge, bond, … that it belongs to; 0: none
	Kind    string // veth, vlan, tun, …; empty: a plain device
	IPv6    bool   // the interface has IPv6 at all
	GenMode GenMode
	Token   netip.Addr // interface identifier for SLAAC; :: or invalid: none
	// Lower is the index of the interface that this one stands on (IFLA_LINK),
	// 0: none. LowerElsewhere: the index is one of another namespace.
	Lower          int
	LowerElsewhere bool
}

// MAC is the link-layer address.
func (s *State) MAC() net.HardwareAddr { return net.HardwareAddr(s.Addr) }

// Up reports that the interface is administratively up.
func (s *State) Up() bool { return s.Flags&unix.IFF_UP != 0 }

// Carrier reports that the link below is up.
func (s *State) Carrier() bool { return s.Flags&unix.IFF_LOWER_UP != 0 }

// ParseState reads the body of an RTM_NEWLINK or RTM_DELLINK; false when it is
// too short.
func ParseState(b []byte) (s State, ok bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return s, false
	}
	s.Type = binary.NativeEndian.Uint16(b[2:])
	s.Index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	s.Flags = binary.NativeEndian.Uint32(b[8:])
	for kind, v := range Attrs(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			s.Name = cstring(v)
		case unix.IFLA_IFALIAS:
			s.Alias = cstring(v)
		case unix.IFLA_ADDRESS:
			s.Addr = string(v)
		case unix.IFLA_MTU:
			s.MTU = int(u32(v))
		case unix.IFLA_TXQLEN:
			s.TxQLen = int(u32(v))
		case unix.IFLA_MASTER:
			s.Master = int(u32(v))
		case unix.IFLA_LINK:
			s.Lower = int(u32(v))
		case unix.IFLA_LINK_NETNSID:
			s.LowerElsewhere = true
		case unix.IFLA_LINKINFO:
			s.parseKind(v)
		case unix.IFLA_AF_SPEC:
			s.parseSpec(v)
		}
	}
	return s, true
}

func (s *State) parseKind(b []byte) {
	for kind, v := range Attrs(b) {
		if kind == unix.IFLA_INFO_KIND {
			s.Kind = cstring(v)
		}
	}
}

func (s *State) parseSpec(b []byte) {
	for family, spec := range Attrs(b) {
		if family != unix.AF_INET6 {
			continue
		}
		s.IPv6 = true
		for kind, v := range Attrs(spec) {
			switch {
			case kind == unix.IFLA_INET6_ADDR_GEN_MODE && len(v) == 1:
				s.GenMode = GenMode(v[0])
			case kind == unix.IFLA_INET6_TOKEN:
				s.Token, _ = netip.AddrFromSlice(v)
			}
		}
	}
}

// Addr is an address of an interface. Two of an interface may have the same
// Prefix and different peers.
type Addr struct {
	Index  int          // of the interface
	Prefix netip.Prefix // the local address with its prefix length, not masked
	Peer   netip.Addr   // of a point-to-point address; else the local address
	Flags  uint32       // IFA_F_*
	Scope  uint8        // RT_SCOPE_*
}

// ParseAddr reads the body of an RTM_NEWADDR or RTM_DELADDR; false when it is
// malformed. The address is IFA_LOCAL where there is one: of a point-to-point
// address IFA_ADDRESS is the peer.
func ParseAddr(b []byte) (a Addr, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return a, false
	}
	a.Index = int(binary.NativeEndian.Uint32(b[4:]))
	a.Flags, a.Scope = uint32(b[2]), b[3]
	var addr, local netip.Addr
	for kind, v := range Attrs(b[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_ADDRESS:
			addr, _ = netip.AddrFromSlice(v)
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(v)
		case unix.IFA_FLAGS:
			a.Flags = u32(v)
		}
	}
	if !local.IsValid() {
		local = addr
	}
	a.Prefix, a.Peer = netip.PrefixFrom(local, int(b[1])), addr
	return a, a.Prefix.IsValid()
}
