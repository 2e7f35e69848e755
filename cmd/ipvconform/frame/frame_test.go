package frame

import (
	"bytes"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

const (
	macA, macB = "02:00:00:00:00:01", "02:00:00:00:00:02"
	ipA, ipB   = "10.0.0.1", "10.0.0.2"
	v6A, v6B   = "fd00::1", "fd00::2"
)

// decode reads a frame with gopacket, which must find nothing wrong in it, the
// checksums included.
func decode(t *testing.T, f []byte) gopacket.Packet {
	t.Helper()
	p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		t.Fatalf("% x: %v", f, e.Error())
	}
	for _, l := range p.Layers() {
		if needs, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := needs.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err, wrong := p.VerifyChecksums(); err != nil || len(wrong) > 0 {
		t.Errorf("% x: checksums: %v %+v", f, err, wrong)
	}
	return p
}

func TestFramesAreWhatTheyAreCalled(t *testing.T) {
	for _, c := range []struct {
		name    string
		typ     uint16
		payload []byte
		last    gopacket.LayerType
	}{
		{"ARP", TypeARP, ARP(1, macA, ipA, macB, ipB), layers.LayerTypeARP},
		{"UDP", TypeIPv4, IPv4{Src: ipA, Dst: ipB, Proto: 17}.Packet(UDP(ipA, ipB, 5555, 7777, []byte("odd"))), layers.LayerTypeUDP},
		{"UDP in IPv6", TypeIPv6, IPv6(v6A, v6B, 17, 64, UDP(v6A, v6B, 5555, 7777, []byte("x"))), layers.LayerTypeUDP},
		{"TCP", TypeIPv4, IPv4{Src: ipA, Dst: ipB, Proto: 6}.Packet(SYN(ipA, ipB, 999, 80)), layers.LayerTypeTCP},
		{"echo", TypeIPv4, IPv4{Src: ipA, Dst: ipB, Proto: 1}.Packet(ICMP(8, 0, make([]byte, 12))), layers.LayerTypeICMPv4},
		{"options", TypeIPv4, IPv4{Src: ipA, Dst: ipB, Proto: 17, Options: []byte{0x94, 4, 0, 0}}.Packet(UDP(ipA, ipB, 1, 7777, nil)), layers.LayerTypeUDP},
		{"solicitation", TypeIPv6, Solicit(v6A, SolicitedNode(v6B), v6B, macA), layers.LayerTypeICMPv6NeighborSolicitation},
		{"duplicate address detection", TypeIPv6, Solicit("::", SolicitedNode(v6B), v6B, ""), layers.LayerTypeICMPv6NeighborSolicitation},
		{"advertisement", TypeIPv6, Advertise(v6A, v6B, v6A, macA, 0x60), layers.LayerTypeICMPv6NeighborAdvertisement},
	} {
		p := decode(t, Ether(macB, macA, c.typ, c.payload))
		if p.Layer(c.last) == nil {
			t.Errorf("%s: got %v", c.name, p)
		}
	}
}

func TestWrongPacketsAreWrongInOnePlace(t *testing.T) {
	right := IPv4{Src: ipA, Dst: ipB, Proto: 17}.Packet(make([]byte, 8))
	for _, c := range []struct {
		name string
		h    IPv4
		at   []int // bytes that differ beside the checksum
	}{
		{"checksum", IPv4{BadSum: true}, nil},
		{"header length", IPv4{IHL: 4}, []int{0}},
		{"total length", IPv4{Total: 900}, []int{2, 3}},
		{"TTL", IPv4{TTL: 1}, []int{8}},
		{"no TTL", IPv4{NoTTL: true}, []int{8}},
		{"fragment", IPv4{Frag: 0x2005, ID: 9}, []int{5, 6, 7}},
	} {
		c.h.Src, c.h.Dst, c.h.Proto = ipA, ipB, 17
		got := c.h.Packet(make([]byte, 8))
		if bytes.Equal(got[10:12], right[10:12]) {
			t.Errorf("%s: the checksum is that of the right packet", c.name)
		}
		for _, i := range append(c.at, 10, 11) {
			got[i] = right[i]
		}
		if !bytes.Equal(got, right) {
			t.Errorf("%s: got\n% x\nwant, but for %v,\n% x", c.name, got, c.at, right)
		}
	}
}

func TestTagStandsBehindTheAddresses(t *testing.T) {
	f := Ether(macB, macA, TypeIPv4, []byte("payload"))
	got := Tagged(f, TypeVLAN, 0xa005)
	if want := append(append(bytes.Clone(f[:12]), 0x81, 0, 0xa0, 5), f[12:]...); !bytes.Equal(got, want) {
		t.Errorf("got % x\nwant % x", got, want)
	}
}

func TestGroupsHaveTheirAddresses(t *testing.T) {
	for group, want := range map[string]string{"239.129.2.3": "01:00:5e:01:02:03", "ff02::1:ff00:10": "33:33:ff:00:00:10"} {
		if got := GroupMAC(group); got != want {
			t.Errorf("%s: got %s, want %s", group, got, want)
		}
	}
	if got := SolicitedNode("fd00::ab:1234:5678"); got != "ff02::1:ff34:5678" {
		t.Errorf("solicited node: got %s, want ff02::1:ff34:5678", got)
	}
}
