package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// LinkLocal is the IPv6 link-local address that the kernel gives an ipvlan
// slave (addrconf_ifid_eui48 in net/ipv6/addrconf.h): the MAC's halves with the
// slave's id instead of ff:fe between them, and the U/L bit not flipped. mac
// must have 6 bytes.
func LinkLocal(mac net.HardwareAddr, devID uint16) netip.Addr {
	return interfaceID(mac, byte(devID>>8), byte(devID), 0)
}

// EUI64 is the link-local address that the kernel makes of a MAC alone, the
// same for all interfaces with that MAC (RFC 4291 appendix A).
func EUI64(mac net.HardwareAddr) netip.Addr { return interfaceID(mac, 0xff, 0xfe, 2) }

func interfaceID(mac net.HardwareAddr, hi, lo, flip byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0,
		mac[0] ^ flip, mac[1], mac[2], hi, lo, mac[3], mac[4], mac[5]})
}

// EnsureLinkLocal gives the interface the link-local address that the kernel
// would give ipvlan slave devID, instead of the one that all slaves would
// share. It works on an interface that is up or down, and a second call does
// nothing. It has to be called again after the interface was moved, which
// resets IPv6, and after it was down, which loses IPv6 addresses.
//
// It leaves the interface alone when IPv6 is off, when the user chose another
// generation mode, or when there is another link-local address in mode none.
// It removes nothing but the address made of the MAC alone.
func (l Link) EnsureLinkLocal(devID uint16) error {
	s, err := l.State()
	if err != nil {
		return err
	}
	if !s.IPv6 || len(s.Addr) != 6 || s.GenMode > GenNone {
		return nil
	}
	addrs, err := l.Addrs()
	if err != nil {
		return err
	}
	want, shared := LinkLocal(s.MAC(), devID), EUI64(s.MAC())
	var have, other, remove bool
	for _, a := range addrs {
		switch {
		case a.Prefix.Addr() == want:
			have = true
		case a.Prefix.Addr() == shared:
			remove = s.GenMode == GenEUI64
		case a.Prefix.Addr().Is6() && a.Prefix.Addr().IsLinkLocalUnicast():
			other = true
		}
	}
	if s.GenMode == GenEUI64 {
		// First the mode, so that no new one appears behind our back.
		if err := l.setGenMode(GenNone); err != nil {
			return err
		}
	} else if other && !have {
		return nil
	}
	return l.replaceLinkLocal(want, shared, have, remove)
}

func (l Link) replaceLinkLocal(want, shared netip.Addr, have, remove bool) error {
	if !have {
		err := l.AddAddr(netip.PrefixFrom(want, 64))
		if errors.Is(err, unix.EACCES) {
			return nil // disable_ipv6 is set
		}
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	if !remove {
		return nil
	}
	err := l.DelAddr(netip.PrefixFrom(shared, 64))
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	return err
}

// SetToken makes SLAAC use the same interface identifier as addr for global
// addresses. The kernel refuses it while ARP is off, router advertisements are
// not accepted, or none are solicited.
func (l Link) SetToken(addr netip.Addr) error {
	token := addr.As16()
	clear(token[:8])
	return l.setInet6("set token "+netip.AddrFrom16(token).String(), unix.IFLA_INET6_TOKEN, token[:])
}

func (l Link) setGenMode(m GenMode) error {
	return l.setInet6(fmt.Sprintf("set addrgenmode %d", m), unix.IFLA_INET6_ADDR_GEN_MODE, []byte{byte(m)})
}

func (l Link) setInet6(what string, attr int, v []byte) error {
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddRtAttr(unix.AF_INET6, nil).AddRtAttr(attr, v)
	return l.set(what, 0, 0, spec)
}

// AddAddr adds an address; the error wraps unix.EEXIST when it is there.
func (l Link) AddAddr(p netip.Prefix) error {
	return l.do("add address "+p.String(), func() error {
		return netlink.AddrAdd(l.generic(), address(p))
	})
}

// DelAddr removes an address; the error wraps unix.EADDRNOTAVAIL when it is not
// there.
func (l Link) DelAddr(p netip.Prefix) error {
	return l.do("remove address "+p.String(), func() error {
		return netlink.AddrDel(l.generic(), address(p))
	})
}

func (l Link) generic() netlink.Link {
	return &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: l.Index, Name: l.Name}}
}

func address(p netip.Prefix) *netlink.Addr {
	a := p.Addr()
	return &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(p.Bits(), a.BitLen())}}
}
