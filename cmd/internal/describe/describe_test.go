package describe

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

var (
	macA = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	macB = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

func frame(t *testing.T, proto, src, dst string) []byte {
	t.Helper()
	b, err := Packet{SrcMAC: macA, DstMAC: macB, Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: proto, SrcPort: 40000, DstPort: 80}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFramesAreDescribedAsTheyWereMade(t *testing.T) {
	for _, tc := range []struct{ proto, src, dst, want string }{
		{"", "10.0.0.1", "10.0.0.2", "10.0.0.1:40000 > 10.0.0.2:80 UDP"},
		{"tcp", "10.0.0.1", "10.0.0.2", "10.0.0.1:40000 > 10.0.0.2:80 TCP SYN"},
		{"tcp", "fd00::1", "fd00::2", "[fd00::1]:40000 > [fd00::2]:80 TCP SYN"},
		{"icmp", "10.0.0.1", "10.0.0.2", "10.0.0.1 > 10.0.0.2 ICMP EchoRequest"},
		{"icmp", "fd00::1", "fd00::2", "fd00::1 > fd00::2 ICMPv6 EchoRequest"},
		{"arp", "10.0.0.1", "10.0.0.2", "ARP who has 10.0.0.2, tell 10.0.0.1"},
		{"253", "10.0.0.1", "10.0.0.2", "10.0.0.1 > 10.0.0.2 UnknownIPProtocol"},
	} {
		if got := Frame(frame(t, tc.proto, tc.src, tc.dst)); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.proto, got, tc.want)
		}
	}
	for _, tc := range []struct {
		b    []byte
		want string
	}{
		{[]byte{1, 2, 3}, "3 bytes that are no Ethernet frame"},
		{append(append(append([]byte{}, macB...), macA...), 0x88, 0xb5, 1), "02:00:00:00:00:01 > 02:00:00:00:00:02 ethertype 0x88b5"},
	} {
		if got := Frame(tc.b); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestFramesCutOffAnywhereAreDescribed(t *testing.T) {
	for _, proto := range []string{"udp", "tcp", "icmp", "arp"} {
		b := frame(t, proto, "10.0.0.1", "10.0.0.2")
		for n := range b {
			if Frame(b[:n]) == "" {
				t.Errorf("%s: %d bytes are described by nothing", proto, n)
			}
		}
	}
}

func TestChangesAreNamed(t *testing.T) {
	b := frame(t, "udp", "10.0.0.1", "10.0.0.2")
	changed := append([]byte{}, b...)
	copy(changed[6:], macB)
	changed[22]++ // TTL
	got := Change(b, changed, len(b), len(b))
	if want := "source MAC 02:00:00:00:00:01 becomes 02:00:00:00:00:02, TTL 64 becomes 65"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Change(b, b, len(b), len(b)); got != "" {
		t.Errorf("nothing has changed, got %q", got)
	}
	other := append([]byte{}, b...)
	other[50] ^= 1
	if got := Change(b, other, len(b), len(b)); got != "other bytes change" {
		t.Errorf("got %q", got)
	}
	if got := Change(b, b, len(b), len(b)-4); !strings.Contains(got, "length") {
		t.Errorf("got %q, want the length", got)
	}
}

func TestPacketsThatCannotBeAreRefused(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")
	for _, p := range []Packet{{Src: v4, Dst: v6}, {Src: v6, Dst: v6, Proto: "arp"}, {Src: v4, Dst: v4, Proto: "sctp?"}, {Src: v4, Dst: v4, Proto: "256"}} {
		p.SrcMAC, p.DstMAC = macA, macB
		if _, err := p.Bytes(); err == nil {
			t.Errorf("%+v: made, want an error", p)
		}
	}
}
