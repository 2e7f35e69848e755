package main

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"ipvd/flows/examples/pcaptest"
)

// packet is a frame of an IP packet.
func packet(t *testing.T, ip gopacket.NetworkLayer, upper gopacket.SerializableLayer, payload string) string {
	t.Helper()
	ether := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	if ip.LayerType() == layers.LayerTypeIPv6 {
		ether.EthernetType = layers.EthernetTypeIPv6
	}
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, ether,
		ip.(gopacket.SerializableLayer), upper, gopacket.Payload(payload))
	if err != nil {
		t.Fatal(err)
	}
	return string(buf.Bytes())
}

func ip4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
}

func ip6(proto layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: net.IPv6loopback, DstIP: net.IPv6loopback}
}

func TestSplitSeparatesUDP(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "split")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var all, udp, other []string
	for i := range 100 {
		payload := fmt.Sprintf("packet %d, long enough for Ethernet's least length", i)
		udp4 := packet(t, ip4(layers.IPProtocolUDP), &layers.UDP{DstPort: 53}, payload)
		tcp4 := packet(t, ip4(layers.IPProtocolTCP), &layers.TCP{DstPort: 80}, payload)
		udp6 := packet(t, ip6(layers.IPProtocolUDP), &layers.UDP{DstPort: 53}, payload)
		tcp6 := packet(t, ip6(layers.IPProtocolTCP), &layers.TCP{DstPort: 80}, payload)
		junk := fmt.Sprintf("%-60s", payload)
		all = append(all, udp4, tcp4, udp6, tcp6, junk)
		udp = append(udp, udp4, udp6)
		other = append(other, tcp4, tcp6, junk)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	pcaptest.Write(t, file("all"), all)
	out, err := exec.Command(program, "-no-huge", file("all"), file("udp"), file("other")).CombinedOutput()
	if err != nil {
		t.Fatalf("split: %v\n%s", err, out)
	}
	if got := pcaptest.Read(t, file("udp")); !slices.Equal(got, udp) {
		t.Errorf("%d UDP packets, want %d in order\n%s", len(got), len(udp), out)
	}
	if got := pcaptest.Read(t, file("other")); !slices.Equal(got, other) {
		t.Errorf("%d other packets, want %d in order\n%s", len(got), len(other), out)
	}
}
