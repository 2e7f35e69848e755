package wire

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

var (
	macA = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	macB = net.HardwareAddr{2, 0, 0, 0, 0, 0xee}
	ip4A = net.IPv4(10, 0, 0, 11).To4()
	ip4B = net.IPv4(10, 0, 0, 254).To4()
	ip6A = net.ParseIP("fd00::11")
	ip6B = net.ParseIP("fd00::ee")
)

// frame serialises layers with right lengths and checksums.
func frame(t testing.TB, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, ls...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func ether(t layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: macA, DstMAC: macB, EthernetType: t}
}

func ip4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, TOS: 0x28, Id: 77, Flags: layers.IPv4DontFragment,
		Protocol: proto, SrcIP: ip4B, DstIP: ip4A}
}

func ip6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: next, SrcIP: ip6B, DstIP: ip6A}
}

func TestEthernetAndVLANReadWhatGopacketWrote(t *testing.T) {
	b := frame(t, ether(layers.EthernetTypeDot1Q), &layers.Dot1Q{Priority: 5, VLANIdentifier: 7, Type: layers.EthernetTypeIPv4},
		ip4(layers.IPProtocolUDP), gopacket.Payload("x"))
	e, ok := ParseEthernet(b)
	if !ok || e.Src() != MAC(macA) || e.Dst() != MAC(macB) || e.Type() != TypeVLAN || e.Group() {
		t.Fatalf("ethernet: %v %v %v %#x", ok, e.Src(), e.Dst(), e.Type())
	}
	v, ok := ParseVLAN(b)
	if !ok || v.TCI() != 5<<13|7 || v.ID() != 7 || v.Type() != TypeIPv4 {
		t.Fatalf("vlan: %v tci %#x type %#x", ok, v.TCI(), v.Type())
	}

	plain := append([]byte(nil), b...)
	VLAN(plain).MoveAddrs()
	plain = plain[VLANLen:]
	if e := Ethernet(plain); e.Src() != MAC(macA) || e.Dst() != MAC(macB) || e.Type() != TypeIPv4 {
		t.Fatalf("after MoveAddrs: % x", plain[:EthernetLen])
	}
	again := append(make([]byte, VLANLen), plain...)
	if !InsertTag(again, 5<<13|7) || !bytes.Equal(again, b) {
		t.Fatalf("InsertTag does not undo MoveAddrs:\n% x\n% x", again, b)
	}
}

func TestARPReadsWhatGopacketWrote(t *testing.T) {
	b := frame(t, ether(layers.EthernetTypeARP), &layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4,
		HwAddressSize: 6, ProtAddressSize: 4, Operation: ARPReply, SourceHwAddress: macA, SourceProtAddress: ip4A,
		DstHwAddress: macB, DstProtAddress: ip4B})
	a, ok := ParseARP(b[EthernetLen:])
	if !ok || !a.Ethernet() || a.Op() != ARPReply || a.SenderMAC() != MAC(macA) || a.TargetMAC() != MAC(macB) ||
		a.SenderIP() != 0x0a00000b || a.TargetIP() != 0x0a0000fe {
		t.Fatalf("arp: %v %+v", ok, a)
	}
	a.SetSenderMAC(MAC(macB))
	if a.SenderMAC() != MAC(macB) || a.SenderIP() != 0x0a00000b {
		t.Fatalf("SetSenderMAC wrote elsewhere: % x", []byte(a))
	}
}

func TestIPv4AndTransportReadWhatGopacketWrote(t *testing.T) {
	ip := ip4(layers.IPProtocolUDP)
	udp := &layers.UDP{SrcPort: 5555, DstPort: 7777}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	b := frame(t, ether(layers.EthernetTypeIPv4), ip, udp, gopacket.Payload("hello"))
	b = append(b, make([]byte, 18)...) // padding is not payload
	p, ok := ParseIPv4(b[EthernetLen:], len(b)-EthernetLen)
	if !ok || p.HeaderLen() != 20 || p.TotalLen() != 33 || p.TOS() != 0x28 || p.ID() != 77 || !p.DontFragment() ||
		p.Fragment() || p.TTL() != 64 || p.Proto() != ProtoUDP || p.Src() != 0x0a0000fe || p.Dst() != 0x0a00000b {
		t.Fatalf("ipv4: %v % x", ok, []byte(p))
	}
	u, ok := ParseUDP(p.Payload())
	if !ok || u.SrcPort() != 5555 || u.DstPort() != 7777 || u.Len() != 13 || string(u.Payload()) != "hello" {
		t.Fatalf("udp: %v % x", ok, []byte(u))
	}
	if got := Fold(Sum(u, PseudoSum4(p, ProtoUDP, len(u)))); got != 0xffff {
		t.Errorf("udp with pseudo header folds to %#x, want 0xffff", got)
	}
}

func TestTCPReadsWhatGopacketWrote(t *testing.T) {
	ip := ip6(layers.IPProtocolTCP)
	tcp := &layers.TCP{SrcPort: 80, DstPort: 4000, Seq: 1e9, Ack: 7, SYN: true, ACK: true,
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}}}}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	b := frame(t, ether(layers.EthernetTypeIPv6), ip, tcp, gopacket.Payload("data"))
	p, _ := ParseIPv6(b[EthernetLen:])
	proto, up, ok := p.Upper()
	s, ok2 := ParseTCP(up)
	if !ok || !ok2 || proto != ProtoTCP || s.SrcPort() != 80 || s.DstPort() != 4000 || s.Seq() != 1e9 || s.Ack() != 7 ||
		s.Flags() != TCPSyn|TCPAck || s.HeaderLen() != 24 || string(s.Payload()) != "data" {
		t.Fatalf("tcp: %v %v % x", ok, ok2, []byte(s))
	}
	if got := Fold(Sum(s, PseudoSum6(p, ProtoTCP, len(s)))); got != 0xffff {
		t.Errorf("tcp with pseudo header folds to %#x, want 0xffff", got)
	}
	if s.Sum() != binary.BigEndian.Uint16(up[16:]) {
		t.Errorf("sum: got %#x", s.Sum())
	}
}

func TestICMPReadsWhatGopacketWrote(t *testing.T) {
	b := frame(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolICMPv4),
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(ICMPUnreachable, 4), Id: 1}, gopacket.Payload("old packet"))
	p, _ := ParseIPv4(b[EthernetLen:], len(b)-EthernetLen)
	m, ok := ParseICMP(p.Payload())
	if !ok || m.Type() != ICMPUnreachable || m.Code() != 4 || Checksum(m) != 0 {
		t.Fatalf("icmp: %v % x", ok, []byte(m))
	}
}

// solicit is a neighbour solicitation with a source link-layer option.
func solicit(t testing.TB) []byte {
	ip := ip6(layers.IPProtocolICMPv6)
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(NDNeighborSolicit, 0)}
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	return frame(t, ether(layers.EthernetTypeIPv6), ip, icmp, &layers.ICMPv6NeighborSolicitation{TargetAddress: ip6A,
		Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: macA}}})
}

func TestNDReadsAndRewritesWhatGopacketWrote(t *testing.T) {
	b := solicit(t)
	p, ok := ParseIPv6(b[EthernetLen:])
	srcHi, srcLo := p.Src()
	dstHi, dstLo := p.Dst()
	if !ok || p.HopLimit() != 255 || p.Next() != ProtoICMPv6 || srcHi != 0xfd00<<48 || srcLo != 0xee || dstHi != 0xfd00<<48 || dstLo != 0x11 {
		t.Fatalf("ipv6: %v % x", ok, []byte(p))
	}
	m, ok := ParseND(p.Payload())
	hi, lo := m.Target()
	if !ok || m.Type() != NDNeighborSolicit || hi != 0xfd00<<48 || lo != 0x11 {
		t.Fatalf("nd: %v target %x %x", ok, hi, lo)
	}
	opts := m.Options()
	typ, opt, ok := opts.Next()
	if !ok || typ != NDOptSourceMAC || *NDOptionMAC(opt) != MAC(macA) {
		t.Fatalf("option: %v %d % x", ok, typ, opt)
	}
	if _, _, more := opts.Next(); more {
		t.Fatal("a second option was found")
	}
	*NDOptionMAC(opt) = MAC(macB)
	m.SetSum(UpdateMAC(m.Sum(), MAC(macA), MAC(macB)))
	if got := Fold(Sum(m, PseudoSum6(p, ProtoICMPv6, len(m)))); got != 0xffff {
		t.Errorf("rewritten message folds to %#x, want 0xffff", got)
	}
}
