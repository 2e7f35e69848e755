package describe

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Packet is what a frame is made of that somebody asks about.
type Packet struct {
	SrcMAC, DstMAC   net.HardwareAddr
	Src, Dst         netip.Addr
	Proto            string // udp, tcp, icmp, arp, or a number; empty: udp
	SrcPort, DstPort uint16 // of udp and tcp
}

// payload is what the packets carry: their checksums cover it.
const payload = "ipvd explain"

const ethernetLen = 14

// Bytes makes the frame, without padding, as stations' stacks do: TCP with SYN, ICMP an
// echo request, ARP a request.
func (p Packet) Bytes() ([]byte, error) {
	if p.Src.Is4() != p.Dst.Is4() {
		return nil, fmt.Errorf("source %v and destination %v are of different versions of IP", p.Src, p.Dst)
	}
	all := []gopacket.SerializableLayer{&layers.Ethernet{SrcMAC: p.SrcMAC, DstMAC: p.DstMAC, EthernetType: p.etherType()}}
	if p.Proto == "arp" {
		if !p.Src.Is4() {
			return nil, fmt.Errorf("arp from %v: ARP is of IPv4", p.Src)
		}
		all = append(all, p.arp())
	} else {
		proto, err := p.protocol()
		if err != nil {
			return nil, err
		}
		all = append(all, p.layersOf(proto)...)
	}
	b, opts := gopacket.NewSerializeBuffer(), gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	err := gopacket.SerializeLayers(b, opts, all[1:]...)
	length := len(b.Bytes())
	if err == nil {
		err = all[0].SerializeTo(b, opts) // pads
	}
	if err != nil {
		return nil, fmt.Errorf("make a frame from %v to %v: %w", p.Src, p.Dst, err)
	}
	return b.Bytes()[:ethernetLen+length], nil
}

func (p Packet) etherType() layers.EthernetType {
	switch {
	case p.Proto == "arp":
		return layers.EthernetTypeARP
	case p.Src.Is4():
		return layers.EthernetTypeIPv4
	}
	return layers.EthernetTypeIPv6
}

func (p Packet) arp() *layers.ARP {
	src, dst := p.Src.As4(), p.Dst.As4()
	return &layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: layers.ARPRequest, SourceHwAddress: p.SrcMAC, SourceProtAddress: src[:],
		DstHwAddress: make([]byte, 6), DstProtAddress: dst[:]}
}

func (p Packet) protocol() (layers.IPProtocol, error) {
	switch p.Proto {
	case "", "udp":
		return layers.IPProtocolUDP, nil
	case "tcp":
		return layers.IPProtocolTCP, nil
	case "icmp", "icmp6":
		if p.Src.Is4() {
			return layers.IPProtocolICMPv4, nil
		}
		return layers.IPProtocolICMPv6, nil
	}
	n, err := strconv.ParseUint(p.Proto, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("protocol %q is none of udp, tcp, icmp, arp and no number below 256", p.Proto)
	}
	return layers.IPProtocol(n), nil
}

// layersOf are IP and what is above it.
func (p Packet) layersOf(proto layers.IPProtocol) []gopacket.SerializableLayer {
	var ip gopacket.NetworkLayer
	var all []gopacket.SerializableLayer
	if p.Src.Is4() {
		v4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: p.Src.AsSlice(), DstIP: p.Dst.AsSlice()}
		ip, all = v4, append(all, v4)
	} else {
		v6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: p.Src.AsSlice(), DstIP: p.Dst.AsSlice()}
		ip, all = v6, append(all, v6)
	}
	switch proto {
	case layers.IPProtocolUDP:
		u := &layers.UDP{SrcPort: layers.UDPPort(p.SrcPort), DstPort: layers.UDPPort(p.DstPort)}
		_ = u.SetNetworkLayerForChecksum(ip) // it is IP
		all = append(all, u)
	case layers.IPProtocolTCP:
		t := &layers.TCP{SrcPort: layers.TCPPort(p.SrcPort), DstPort: layers.TCPPort(p.DstPort), SYN: true, Window: 65535}
		_ = t.SetNetworkLayerForChecksum(ip)
		return append(all, t)
	case layers.IPProtocolICMPv4:
		all = append(all, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 1, Seq: 1})
	case layers.IPProtocolICMPv6:
		i := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)}
		_ = i.SetNetworkLayerForChecksum(ip)
		all = append(all, i, &layers.ICMPv6Echo{Identifier: 1, SeqNumber: 1})
	}
	return append(all, gopacket.Payload(payload))
}
