// Package describe says in a line what a frame is, and what two states of a frame
// differ in, for people.
package describe

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Frame describes a frame of which b is the beginning, from the Ethernet header on:
// `10.0.0.11:40000 > 10.0.0.12:80 TCP SYN`.
func Frame(b []byte) string {
	p := decode(b)
	eth, ok := p.LinkLayer().(*layers.Ethernet)
	if !ok {
		return fmt.Sprintf("%d bytes that are no Ethernet frame", len(b))
	}
	if arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok {
		return ofARP(arp)
	}
	n := p.NetworkLayer()
	if n == nil {
		return fmt.Sprintf("%v > %v %v", eth.SrcMAC, eth.DstMAC, etherType(eth))
	}
	src, dst := n.NetworkFlow().Endpoints()
	return ofPacket(p, src.String(), dst.String())
}

func decode(b []byte) gopacket.Packet {
	return gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: false, NoCopy: true})
}

func etherType(eth *layers.Ethernet) string {
	if eth.Length != 0 {
		return "802.3"
	}
	if name := eth.EthernetType.String(); !strings.HasPrefix(name, "Unknown") {
		return name
	}
	return fmt.Sprintf("ethertype 0x%04x", uint16(eth.EthernetType))
}

func ofARP(a *layers.ARP) string {
	src, dst := address(a.SourceProtAddress), address(a.DstProtAddress)
	switch a.Operation {
	case layers.ARPRequest:
		return fmt.Sprintf("ARP who has %s, tell %s", dst, src)
	case layers.ARPReply:
		return fmt.Sprintf("ARP %s is at %s", src, mac(a.SourceHwAddress))
	}
	return fmt.Sprintf("ARP operation %d of %s", a.Operation, src)
}

func address(b []byte) string {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return fmt.Sprintf("%x", b)
	}
	return a.String()
}

func mac(b []byte) string {
	words := make([]string, len(b))
	for i, c := range b {
		words[i] = fmt.Sprintf("%02x", c)
	}
	return strings.Join(words, ":")
}

// ofPacket describes an IP packet by its layer above IP.
func ofPacket(p gopacket.Packet, src, dst string) string {
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.TCP:
			return fmt.Sprintf("%s > %s TCP %s", at(src, uint16(l.SrcPort)), at(dst, uint16(l.DstPort)), flags(l))
		case *layers.UDP:
			return fmt.Sprintf("%s > %s UDP", at(src, uint16(l.SrcPort)), at(dst, uint16(l.DstPort)))
		case *layers.ICMPv4:
			return fmt.Sprintf("%s > %s ICMP %v", src, dst, l.TypeCode)
		case *layers.ICMPv6:
			return fmt.Sprintf("%s > %s ICMPv6 %v", src, dst, l.TypeCode)
		}
	}
	return fmt.Sprintf("%s > %s %s", src, dst, upper(p))
}

func at(addr string, port uint16) string {
	if strings.Contains(addr, ":") {
		return fmt.Sprintf("[%s]:%d", addr, port)
	}
	return fmt.Sprintf("%s:%d", addr, port)
}

// upper is what IP says of the layer above it, which cannot be read.
func upper(p gopacket.Packet) string {
	switch l := p.NetworkLayer().(type) {
	case *layers.IPv4:
		if l.FragOffset > 0 {
			return fmt.Sprintf("%v, a fragment", l.Protocol)
		}
		return l.Protocol.String()
	case *layers.IPv6:
		return l.NextHeader.String()
	}
	return p.NetworkLayer().LayerType().String()
}

func flags(t *layers.TCP) string {
	var words []string
	for _, f := range []struct {
		on   bool
		name string
	}{{t.SYN, "SYN"}, {t.FIN, "FIN"}, {t.RST, "RST"}, {t.PSH, "PSH"}, {t.ACK, "ACK"}, {t.URG, "URG"}} {
		if f.on {
			words = append(words, f.name)
		}
	}
	return strings.Join(words, ",")
}

// Change says what became of a frame: before and after are its beginnings, and
// lengths its lengths in bytes; "" when nothing did.
func Change(before, after []byte, lengthBefore, lengthAfter int) string {
	if bytes.Equal(before, after) && lengthBefore == lengthAfter {
		return ""
	}
	var words []string
	differs := func(what string, from, to any) {
		if a, b := fmt.Sprint(from), fmt.Sprint(to); a != b {
			words = append(words, fmt.Sprintf("%s %s becomes %s", what, a, b))
		}
	}
	p, q := decode(before), decode(after)
	e, okBefore := p.LinkLayer().(*layers.Ethernet)
	f, okAfter := q.LinkLayer().(*layers.Ethernet)
	if okBefore && okAfter {
		differs("source MAC", e.SrcMAC, f.SrcMAC)
		differs("destination MAC", e.DstMAC, f.DstMAC)
		differs("type", etherType(e), etherType(f))
	}
	if from, to := ttl(p), ttl(q); from >= 0 && to >= 0 {
		differs("TTL", from, to)
	}
	differs("length", lengthBefore, lengthAfter)
	if len(words) == 0 {
		return "other bytes change"
	}
	return strings.Join(words, ", ")
}

// ttl is the TTL or hop limit, -1 when there is none.
func ttl(p gopacket.Packet) int {
	switch l := p.NetworkLayer().(type) {
	case *layers.IPv4:
		return int(l.TTL)
	case *layers.IPv6:
		return int(l.HopLimit)
	}
	return -1
}
