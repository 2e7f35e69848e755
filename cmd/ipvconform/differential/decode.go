package differential

import (
	"fmt"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Decode says in a line what a frame is.
func Decode(b []byte) string {
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.NoCopy)
	words := []string{fmt.Sprintf("%d bytes", len(b))}
	for _, l := range p.Layers() {
		words = append(words, layerWords(l))
	}
	return strings.Join(words, " | ")
}

func layerWords(l gopacket.Layer) string {
	switch v := l.(type) {
	case *layers.Ethernet:
		return fmt.Sprintf("%s > %s type %#04x", v.SrcMAC, v.DstMAC, uint16(v.EthernetType))
	case *layers.Dot1Q:
		return fmt.Sprintf("VLAN %d prio %d type %#04x", v.VLANIdentifier, v.Priority, uint16(v.Type))
	case *layers.ARP:
		return fmt.Sprintf("ARP op %d %v > %v", v.Operation, v.SourceProtAddress, v.DstProtAddress)
	case *layers.IPv4:
		return fmt.Sprintf("IPv4 %s > %s proto %d ttl %d len %d ihl %d frag %v/%d", v.SrcIP, v.DstIP, v.Protocol, v.TTL, v.Length, v.IHL, v.Flags, v.FragOffset)
	case *layers.IPv6:
		return fmt.Sprintf("IPv6 %s > %s next %d hops %d len %d", v.SrcIP, v.DstIP, v.NextHeader, v.HopLimit, v.Length)
	case *layers.UDP:
		return fmt.Sprintf("UDP %d > %d", uint16(v.SrcPort), uint16(v.DstPort))
	case *layers.ICMPv4:
		return "ICMP " + v.TypeCode.String()
	case *layers.ICMPv6:
		return "ICMPv6 " + v.TypeCode.String()
	case *gopacket.DecodeFailure:
		return "malformed"
	case *gopacket.Payload:
		return fmt.Sprintf("%d bytes", len(*v))
	}
	return l.LayerType().String()
}
