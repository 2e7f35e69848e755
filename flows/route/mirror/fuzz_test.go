package mirror

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
)

// still is a mirror that reads nothing by itself.
func still() *Mirror {
	m := &Mirror{fib: route.New(noIndex{}), index: 2, stale: map[netip.Addr]bool{}, vrfs: map[uint32]device{},
		nexthops: map[uint32]nexthop{}, used: map[uint32]bool{}, device: device{index: 2, name: "eth0", up: true}}
	m.fib.Use(m.fib.Load(), route.Policy{})
	return m
}

// u32s are the bytes of numbers.
func u32s(of ...uint32) (b []byte) {
	for _, v := range of {
		b = append(b, 0, 0, 0, 0)
		putU32(b[len(b)-4:], v)
	}
	return b
}

// examples are well-formed messages of each kind.
func examples() []message {
	gw, dst := []byte{10, 0, 0, 254}, []byte{198, 51, 100, 0}
	rtm := []byte{unix.AF_INET, 24, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, 0, unix.RTN_UNICAST, 0, 0, 0, 0}
	one := appendAttr(appendAttr(appendAttr(rtm, unix.RTA_DST, dst), unix.RTA_GATEWAY, gw), unix.RTA_OIF, u32s(2))
	hops := append([]byte{16, 0, 0, 3}, u32s(2)...)
	hops = appendAttr(hops, unix.RTA_GATEWAY, gw)
	many := appendAttr(appendAttr(rtm[:len(rtm):len(rtm)], unix.RTA_DST, dst), unix.RTA_MULTIPATH, append(hops, hops...))
	many = appendAttr(many, unix.RTA_METRICS, appendAttr(nil, rtaxMTU, u32s(1400)))
	numbered := appendAttr(appendAttr(rtm[:len(rtm):len(rtm)], unix.RTA_DST, dst), rtaNhID, u32s(7))
	rule := appendAttr([]byte{unix.AF_INET, 0, 32, 0, 100, 0, 0, frActToTable, 0, 0, 0, 0}, fraSrc, []byte{10, 0, 0, 12})
	nh := appendAttr(append([]byte{unix.AF_INET, 0, 0, 0}, u32s(0)...), nhaID, u32s(7))
	group := appendAttr(nh[:len(nh):len(nh)], nhaGroup, append(u32s(7), 0, 0, 0, 0))
	nh = appendAttr(appendAttr(nh, nhaGateway, gw), nhaOIF, u32s(2))
	neigh := append([]byte{unix.AF_INET, 0, 0, 0}, append(u32s(2), byte(unix.NUD_STALE), 0, 0, 1)...)
	neigh = appendAttr(appendAttr(neigh, ndaDst, gw), ndaLLAddr, []byte{2, 0, 0, 0, 0, 0xee})
	link := append(append([]byte{0, 0, 1, 0}, u32s(2)...), u32s(unix.IFF_UP, 0)...)
	vrf := appendAttr(appendAttr(nil, unix.IFLA_INFO_KIND, []byte("vrf\x00")), unix.IFLA_INFO_DATA, appendAttr(nil, vrfTable, u32s(100)))
	link = appendAttr(appendAttr(link, unix.IFLA_IFNAME, []byte("eth0\x00")), unix.IFLA_LINKINFO, vrf)
	ifa := appendAttr(append([]byte{unix.AF_INET, 24, 0, 0}, u32s(2)...), unix.IFA_LOCAL, []byte{10, 0, 0, 1})
	return []message{
		{unix.RTM_NEWROUTE, unix.NLM_F_CREATE, one}, {unix.RTM_NEWROUTE, unix.NLM_F_REPLACE, many}, {unix.RTM_NEWROUTE, unix.NLM_F_APPEND, numbered},
		{unix.RTM_DELROUTE, 0, one}, {unix.RTM_NEWRULE, 0, rule}, {unix.RTM_DELRULE, 0, rule}, {unix.RTM_NEWNEXTHOP, 0, nh},
		{unix.RTM_NEWNEXTHOP, 0, group}, {unix.RTM_DELNEXTHOP, 0, nh}, {unix.RTM_NEWNEIGH, 0, neigh}, {unix.RTM_DELNEIGH, 0, neigh},
		{unix.RTM_NEWLINK, 0, link}, {unix.RTM_DELLINK, 0, link}, {unix.RTM_NEWADDR, 0, ifa}, {unix.RTM_DELADDR, 0, ifa},
	}
}

func TestExamplesAreUnderstood(t *testing.T) {
	m := still()
	all := examples()
	m.handle(all[0])
	m.handle(all[9])
	m.handle(all[13])
	if routes := m.fib.Routes(); len(routes) != 1 || routes[0].Spec.Via != netip.MustParseAddr("10.0.0.254") {
		t.Errorf("routes: %v", routes)
	}
	if n := m.fib.Neighbours.Find(netip.MustParseAddr("10.0.0.254")); n == nil {
		t.Error("the neighbour is not known")
	} else if mac, state := n.Hardware(); state != route.Usable || mac != [6]byte{2, 0, 0, 0, 0, 0xee} {
		t.Errorf("the neighbour is %v, %x", state, mac)
	}
	if s := m.fib.Sources(); s.V4 != 10<<24|1 {
		t.Errorf("sources: %+v", s)
	}
	m.handle(all[1])
	if routes := m.fib.Routes(); len(routes) != 1 || len(routes[0].Spec.Paths) != 2 || routes[0].Spec.MTU != 1400 {
		t.Errorf("routes: %v", routes)
	}
	if d, ok := parseLink(all[11].body); !ok || d.table != 100 || d.name != "eth0" {
		t.Errorf("link: %+v", d)
	}
}

// FuzzNotifications: no message makes the mirror fail, nor a lookup after it.
func FuzzNotifications(f *testing.F) {
	for _, m := range examples() {
		f.Add(m.kind, m.flags, m.body)
	}
	f.Fuzz(func(t *testing.T, kind, flags uint16, body []byte) {
		m := still()
		for _, e := range examples()[:1] {
			m.handle(e)
		}
		m.handle(message{kind, flags, body})
		m.handle(message{unix.RTM_DELROUTE, 0, body})
		for _, a := range []string{"198.51.100.7", "2001:db8::7"} {
			dst := netip.MustParseAddr(a)
			m.fib.Get(dst, dst, 0)
		}
	})
}

// FuzzDatagram: what the kernel would send cut short, or wrong in its lengths.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte{20, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for m := range messages(b) {
			n += unix.NLMSG_HDRLEN + len(m.body)
			inside := 0
			for _, v := range attrs(m.body) {
				inside += unix.SizeofRtAttr + len(v)
			}
			if inside > len(m.body) {
				t.Errorf("attributes of %d bytes in %d", inside, len(m.body))
			}
		}
		if n > len(b) {
			t.Errorf("messages of %d bytes in %d", n, len(b))
		}
	})
}
