package mirror

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
)

const vrfTable = 1 // IFLA_VRF_TABLE

// device is what counts of an interface.
type device struct {
	index uint32
	name  string
	up    bool
	vrf   uint32 // index of the interface that it belongs to; 0: none
	table uint32 // of a VRF; 0: it is none
}

// parseLink reads an RTM_NEWLINK or RTM_DELLINK.
func parseLink(b []byte) (d device, ok bool) {
	if len(b) < unix.SizeofIfInfomsg || b[0] != unix.AF_UNSPEC {
		return d, false
	}
	d.index, d.up = u32(b[4:]), u32(b[8:])&unix.IFF_UP != 0
	for kind, v := range attrs(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			d.name = text(v)
		case unix.IFLA_MASTER:
			d.vrf = u32(v)
		case unix.IFLA_LINKINFO:
			d.table = tableOf(v)
		}
	}
	return d, true
}

// tableOf is the table of a VRF; 0 for another kind of interface.
func tableOf(b []byte) (table uint32) {
	kind := ""
	for k, v := range attrs(b) {
		switch {
		case k == unix.IFLA_INFO_KIND:
			kind = text(v)
		case k == unix.IFLA_INFO_DATA && kind == "vrf":
			for k, v := range attrs(v) {
				if k == vrfTable {
					table = u32(v)
				}
			}
		}
	}
	return table
}

// setLink takes what a dump says.
func (m *Mirror) setLink(d device) {
	if d.table != 0 {
		m.vrfs[d.index] = d
	}
	if d.index == m.index {
		m.device = d
	}
}

// linkChanged takes a notification. IPv4 routes that go with a link go without one
// (net/ipv4/fib_frontend.c, fib_disable_ip).
func (m *Mirror) linkChanged(msg message) {
	d, ok := parseLink(msg.body)
	if !ok {
		return
	}
	gone := msg.kind == unix.RTM_DELLINK
	switch {
	case d.index == m.index && gone:
		m.missing = true
		m.fib.Suspend()
	case d.index == m.index && d != m.device:
		m.again = true
	case d.table != 0 && (gone || m.vrfs[d.index] != d):
		m.again = true
	}
}

// parseAddr reads an RTM_NEWADDR or RTM_DELADDR: the address, its prefix, the index
// of its interface, and whether packets may be sent from it.
func parseAddr(b []byte) (a netip.Addr, index uint32, usable, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return a, 0, false, false
	}
	flags := uint32(b[2])
	for kind, v := range attrs(b[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_LOCAL:
			a = address(v)
		case unix.IFA_ADDRESS:
			if !a.IsValid() {
				a = address(v)
			}
		case unix.IFA_FLAGS:
			flags = u32(v)
		}
	}
	return a, u32(b[4:]), flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0, a.IsValid()
}

// setAddr takes an address that the device has.
func (m *Mirror) setAddr(a netip.Addr, usable bool) {
	m.addrs = slices.DeleteFunc(m.addrs, func(b netip.Addr) bool { return a == b })
	if usable {
		m.addrs = append(m.addrs, a)
	}
}

// addrChanged takes a notification. Routes that prefer a source go with it without
// one (net/ipv4/fib_semantics.c, fib_sync_down_addr).
func (m *Mirror) addrChanged(msg message) {
	a, index, usable, ok := parseAddr(msg.body)
	if !ok {
		return
	}
	gone := msg.kind == unix.RTM_DELADDR
	m.again = m.again || gone && a.Is4()
	if index == m.index {
		m.setAddr(a, usable && !gone)
		m.fib.SetSources(m.sources())
	}
}

// sources are the first IPv4 address of the device, and the least IPv6 one that is
// not link-local, if there is one.
func (m *Mirror) sources() (s route.Sources) {
	before := func(a, b netip.Addr) bool {
		if a.IsLinkLocalUnicast() != b.IsLinkLocalUnicast() {
			return b.IsLinkLocalUnicast()
		}
		return a.Less(b)
	}
	var v6 netip.Addr
	for _, a := range m.addrs {
		switch {
		case a.Is4() && s.V4 == 0:
			b := a.As4()
			s.V4 = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		case a.Is6() && (!v6.IsValid() || before(a, v6)):
			v6 = a
		}
	}
	if v6.IsValid() {
		s.V6 = v6.As16()
	}
	return s
}
