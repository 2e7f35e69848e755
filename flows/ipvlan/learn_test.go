package ipvlan

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"ipvd/flows/wire"
)

// dhcpFrame is what a client without address broadcasts.
func dhcpFrame(kind byte, ciaddr, wanted string) []byte {
	b := make([]byte, dhcpOptions)
	b[0] = 1
	copy(b[dhcpClient:], netip.MustParseAddr(ciaddr).AsSlice())
	binary.BigEndian.PutUint32(b[dhcpCookie:], dhcpMagic)
	b = append(b, dhcpPad, dhcpType, 1, kind)
	if wanted != "" {
		b = append(append(b, dhcpWanted, 4), netip.MustParseAddr(wanted).AsSlice()...)
	}
	b = append(b, dhcpEnd)
	u := make([]byte, 8, 8+len(b))
	binary.BigEndian.PutUint16(u, 68)
	binary.BigEndian.PutUint16(u[2:], dhcpServer)
	binary.BigEndian.PutUint16(u[4:], uint16(8+len(b)))
	p := ip4("0.0.0.0", "255.255.255.255")[:20]
	p = append(slices.Clone(p), append(u, b...)...)
	p[9] = wire.ProtoUDP
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	return ether(macAll, macM, wire.TypeIPv4, p)
}

// learnLab is a lab whose slave S1 is learned from.
func learnLab(t *testing.T) (*lab, func() []string) {
	t.Helper()
	learner := NewLearner(1)
	l := newLab(t, L2, Bridge, 2, with(func(m *Master) { m.Slaves[0].Learn = learner }))
	return l, func() (got []string) {
		learner.Take(func(a netip.Addr) { got = append(got, a.String()) })
		return got
	}
}

func TestFramesTellAddresses(t *testing.T) {
	v6 := func(p []byte) []byte { return ether(macNodes6, macM, wire.TypeIPv6, p) }
	for name, c := range map[string]struct {
		frame []byte
		want  string // "" for nothing
	}{
		"ARP request":      {ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.77", "10.0.0.254")), "10.0.0.77"},
		"ARP reply":        {ether(macW, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.77", "10.0.0.254")), "10.0.0.77"},
		"ARP probe":        {ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "0.0.0.0", "10.0.0.77")), ""},
		"solicitation":     {v6(ns("fd00::77", "ff02::1:ff00:ee", "fd00::ee", macM)), "fd00::77"},
		"DAD":              {v6(ns("::", "ff02::1:ff00:77", "fd00::77", macM)), "fd00::77"},
		"advertisement":    {v6(na("fd00::77", "ff02::1", "fd00::77", macM)), "fd00::77"},
		"IPv4":             {ether(macW, macM, wire.TypeIPv4, ip4("10.0.0.77", "10.0.0.254")), ""},
		"DHCP discover":    {dhcpFrame(1, "0.0.0.0", "10.0.0.77"), ""},
		"DHCP request":     {dhcpFrame(dhcpRequest, "0.0.0.0", "10.0.0.77"), "10.0.0.77"},
		"DHCP renewal":     {dhcpFrame(dhcpRequest, "10.0.0.78", ""), "10.0.0.78"},
		"DHCP for nothing": {dhcpFrame(dhcpRequest, "0.0.0.0", ""), ""},
		"no frame":         {[]byte{1, 2, 3}, ""},
		"half an ARP":      {ether(macAll, macM, wire.TypeARP, make([]byte, 20)), ""},
	} {
		l, taken := learnLab(t)
		l.send("S1", c.frame)
		want := []string(nil)
		if c.want != "" {
			want = []string{c.want}
		}
		if got := taken(); !slices.Equal(got, want) {
			t.Errorf("%s: told %v, want %v", name, got, want)
		}
		l.send("S2", c.frame)
		if got := taken(); got != nil {
			t.Errorf("%s of another slave: told %v", name, got)
		}
	}
}

// A slave that is cut short in a DHCP option harms nobody.
func TestDHCPOptionsThatLie(t *testing.T) {
	whole := dhcpFrame(dhcpRequest, "0.0.0.0", "10.0.0.77")
	for n := len(whole) - 1; n > 14+20+8; n-- {
		l, taken := learnLab(t)
		f := slices.Clone(whole[:n])
		binary.BigEndian.PutUint16(f[16:], uint16(n-14))
		binary.BigEndian.PutUint16(f[38:], uint16(n-34))
		l.send("S1", f)
		if got := taken(); len(got) > 1 {
			t.Errorf("%d bytes: told %v", n, got)
		}
	}
}

func TestAddressesInUseAreToldOnceAnEpoch(t *testing.T) {
	l, taken := learnLab(t)
	says := ether(macW, macM, wire.TypeARP, arp(wire.ARPReply, macM, "10.0.0.77", "10.0.0.254"))
	uses := ether(macW, macM, wire.TypeIPv4, ip4("10.0.0.77", "10.0.0.254"))
	for range 3 {
		for range 5 {
			l.send("S1", says)
			l.send("S1", uses)
		}
		if got := taken(); !slices.Equal(got, []string{"10.0.0.77"}) {
			t.Errorf("told %v, want the address once", got)
		}
		l.m.Slaves[0].Learn.Renew()
		l.send("S1", uses)
		if got := taken(); !slices.Equal(got, []string{"10.0.0.77"}) {
			t.Errorf("told %v of an address in use, want it once more", got)
		}
		l.m.Slaves[0].Learn.Renew()
	}
}

func TestWhatNobodyTakesIsCounted(t *testing.T) {
	l, taken := learnLab(t)
	for i := range learnRoom + 10 {
		l.send("S1", ether(macW, macM, wire.TypeARP, arp(wire.ARPReply, macM, netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}).String(), "10.0.0.254")))
	}
	if got := taken(); len(got) != learnRoom {
		t.Errorf("told %d addresses, want %d", len(got), learnRoom)
	}
	if n := l.m.Slaves[0].Counters.Load(learnLost); n != 10 {
		t.Errorf("%d are counted as lost, want 10", n)
	}
}
