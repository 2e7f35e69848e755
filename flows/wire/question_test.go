package wire

import (
	"bytes"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// request is an ARP request of station B, which has sender as its address.
func request(t testing.TB, sender, target net.IP, alter func(a *layers.ARP)) []byte {
	a := &layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: layers.ARPRequest, SourceHwAddress: macB, SourceProtAddress: sender, DstHwAddress: make([]byte, 6), DstProtAddress: target}
	if alter != nil {
		alter(a)
	}
	return frame(t, &layers.Ethernet{SrcMAC: macB, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP}, a)
}

// solicitationFor is one of station B for target.
func solicitationFor(t testing.TB, src, dst, target net.IP, alter func(p *layers.IPv6)) []byte {
	p := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolICMPv6, HopLimit: 255, SrcIP: src, DstIP: dst}
	if alter != nil {
		alter(p)
	}
	m := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
	m.SetNetworkLayerForChecksum(p)
	group := net.HardwareAddr{0x33, 0x33, 0xff, 0, 0, 0x11}
	return frame(t, &layers.Ethernet{SrcMAC: macB, DstMAC: group, EthernetType: layers.EthernetTypeIPv6}, p, m,
		&layers.ICMPv6NeighborSolicitation{TargetAddress: target})
}

var (
	unspecified4 = net.IPv4zero.To4()
	group6A      = net.ParseIP("ff02::1:ff00:11")
)

func TestQuestions(t *testing.T) {
	for _, c := range []struct {
		name      string
		frame     []byte
		ok, probe bool
	}{
		{"ARP", request(t, ip4B, ip4A, nil), true, false},
		{"ARP probe", request(t, unspecified4, ip4A, nil), true, true},
		{"ARP announcement", request(t, ip4A, ip4A, nil), false, false},
		{"ARP reply", request(t, ip4B, ip4A, func(a *layers.ARP) { a.Operation = layers.ARPReply }), false, false},
		{"ARP of another link", request(t, ip4B, ip4A, func(a *layers.ARP) { a.AddrType = 6 }), false, false},
		{"ARP of a group", request(t, ip4B, ip4A, func(a *layers.ARP) { a.SourceHwAddress = layers.EthernetBroadcast }), false, false},
		{"solicitation", solicitationFor(t, ip6B, group6A, ip6A, nil), true, false},
		{"solicitation to the station", solicitationFor(t, ip6B, ip6A, ip6A, nil), true, false},
		{"solicitation to all nodes", solicitationFor(t, ip6B, net.ParseIP("ff02::1"), ip6A, nil), false, false},
		{"solicitation to another", solicitationFor(t, ip6B, net.ParseIP("fd00::1"), ip6A, nil), false, false},
		{"detection by the target", solicitationFor(t, net.IPv6unspecified, ip6A, ip6A, nil), false, false},
		{"detection", solicitationFor(t, net.IPv6unspecified, group6A, ip6A, nil), true, true},
		{"detection by all nodes", solicitationFor(t, net.IPv6unspecified, net.ParseIP("ff02::1"), ip6A, nil), false, false},
		{"solicitation from a router", solicitationFor(t, ip6B, group6A, ip6A, func(p *layers.IPv6) { p.HopLimit = 254 }), false, false},
		{"solicitation of a group", solicitationFor(t, ip6B, group6A, net.ParseIP("ff02::1"), nil), false, false},
		{"solicitation by a group", solicitationFor(t, net.ParseIP("ff02::2"), group6A, ip6A, nil), false, false},
		{"other", frame(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP)), false, false},
	} {
		e, _ := ParseEthernet(c.frame)
		q, ok := ParseQuestion(e)
		if ok != c.ok || q.Probe != c.probe {
			t.Errorf("%s: got %v, probe %v; want %v, %v", c.name, ok, q.Probe, c.ok, c.probe)
		}
		if ok && !q.Sound() {
			t.Errorf("%s: the checksum is wrong", c.name)
		}
	}
}

func TestQuestionThatIsCutShortIsNone(t *testing.T) {
	for _, f := range [][]byte{request(t, ip4B, ip4A, nil)[:EthernetLen+ARPLen], solicitationFor(t, ip6B, group6A, ip6A, nil)} {
		for n := EthernetLen; n < len(f); n++ {
			if _, ok := ParseQuestion(f[:n:n]); ok {
				t.Errorf("%d of %d bytes are taken for a question", n, len(f))
			}
		}
	}
}

func TestAnswerByARP(t *testing.T) {
	f := Ethernet(request(t, ip4B, ip4A, nil))
	AnswerARP(f, MAC(macA))
	p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
	e, _ := p.LinkLayer().(*layers.Ethernet)
	a, _ := p.Layer(layers.LayerTypeARP).(*layers.ARP)
	if e == nil || a == nil {
		t.Fatalf("not read: %v", p)
	}
	if !bytes.Equal(e.SrcMAC, macA) || !bytes.Equal(e.DstMAC, macB) || a.Operation != layers.ARPReply ||
		!bytes.Equal(a.SourceHwAddress, macA) || !bytes.Equal(a.SourceProtAddress, ip4A) ||
		!bytes.Equal(a.DstHwAddress, macB) || !bytes.Equal(a.DstProtAddress, ip4B) {
		t.Errorf("got %v, want the reply of A to B", p)
	}
}

func TestAnswerToASolicitation(t *testing.T) {
	for _, c := range []struct {
		src, dst net.IP
		mac      net.HardwareAddr
		flags    uint8
	}{
		{ip6B, ip6B, macB, 0x60},
		{net.IPv6unspecified, net.ParseIP("ff02::1"), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, 0x20},
	} {
		f := Ethernet(append(solicitationFor(t, c.src, group6A, ip6A, nil), make([]byte, 16)...)[:AdvertisementLen])
		AnswerSolicitation(f, MAC(macA))
		p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
		e, _ := p.LinkLayer().(*layers.Ethernet)
		ip, _ := p.NetworkLayer().(*layers.IPv6)
		na, _ := p.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
		if e == nil || ip == nil || na == nil || len(na.Options) != 1 {
			t.Fatalf("not read: %v", p)
		}
		if !bytes.Equal(e.DstMAC, c.mac) || !bytes.Equal(e.SrcMAC, macA) || !ip.SrcIP.Equal(ip6A) || !ip.DstIP.Equal(c.dst) || ip.HopLimit != 255 {
			t.Errorf("from %v: got a packet from %v, %v to %v, %v", c.src, e.SrcMAC, ip.SrcIP, e.DstMAC, ip.DstIP)
		}
		if !na.TargetAddress.Equal(ip6A) || na.Flags != c.flags || na.Options[0].Type != layers.ICMPv6OptTargetAddress || !bytes.Equal(na.Options[0].Data, macA) {
			t.Errorf("from %v: got %+v, want flags %#x and A's MAC", c.src, na, c.flags)
		}
		b := IPv6(f.Payload()).Payload()
		if sum := Fold(Sum(b, PseudoSum6(f.Payload(), ProtoICMPv6, len(b)))); sum != 0xffff {
			t.Errorf("from %v: the checksum folds to %#x, want 0xffff", c.src, sum)
		}
	}
}
