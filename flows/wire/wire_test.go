package wire

import "testing"

func validIPv4() []byte {
	b := make([]byte, 28)
	b[0], b[3], b[8], b[9] = 0x45, 28, 64, ProtoUDP
	sum := Checksum(b[:20])
	b[10], b[11] = byte(sum>>8), byte(sum)
	return b
}

func TestParseIPv4RefusesWhatIpvlanRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		alter func(b []byte)
		have  int
		ok    bool
	}{
		{"valid", func([]byte) {}, 28, true},
		{"padding behind it", func([]byte) {}, 46, true},
		{"wrong checksum", func(b []byte) { b[10] ^= 1 }, 28, true},
		{"TTL 0", func(b []byte) { b[8] = 0 }, 28, true},
		{"options", func(b []byte) { b[0] = 0x46 }, 28, true},
		{"version 5", func(b []byte) { b[0] = 0x55 }, 28, false},
		{"header of 16 bytes", func(b []byte) { b[0] = 0x44 }, 28, false},
		{"total length below header", func(b []byte) { b[3] = 19 }, 28, false},
		{"total length above frame", func(b []byte) { b[3] = 29 }, 28, false},
	} {
		b := validIPv4()
		c.alter(b)
		if _, ok := ParseIPv4(b, c.have); ok != c.ok {
			t.Errorf("%s: got %v, want %v", c.name, ok, c.ok)
		}
	}
	if _, ok := ParseIPv4(validIPv4()[:19], 28); ok {
		t.Error("19 bytes were accepted")
	}
}

func TestParsersRefuseWhatIsTooShort(t *testing.T) {
	b := make([]byte, 64)
	b[0] = 0x60
	nd := make([]byte, 64)
	nd[0] = NDNeighborSolicit
	tcp := make([]byte, 64)
	tcp[12] = 0x60
	for _, c := range []struct {
		name  string
		min   int
		bytes []byte
		parse func(b []byte) bool
	}{
		{"ethernet", EthernetLen, b, func(b []byte) bool { _, ok := ParseEthernet(b); return ok }},
		{"arp", ARPLen, b, func(b []byte) bool { _, ok := ParseARP(b); return ok }},
		{"ipv6", IPv6Len, b, func(b []byte) bool { _, ok := ParseIPv6(b); return ok }},
		{"icmp", ICMPLen, b, func(b []byte) bool { _, ok := ParseICMP(b); return ok }},
		{"neighbour solicitation", NSLen, nd, func(b []byte) bool { _, ok := ParseND(b); return ok }},
		{"udp", UDPLen, b, func(b []byte) bool { _, ok := ParseUDP(b); return ok }},
		{"tcp with options", 24, tcp, func(b []byte) bool { _, ok := ParseTCP(b); return ok }},
	} {
		for n := range c.bytes {
			if got, want := c.parse(c.bytes[:n]), n >= c.min; got != want {
				t.Errorf("%s of %d bytes: got %v, want %v", c.name, n, got, want)
			}
		}
	}
}

func TestSetTTLKeepsTheChecksumRight(t *testing.T) {
	for ttl := range 256 {
		p := IPv4(validIPv4())
		p.SetTTL(uint8(ttl))
		if p.TTL() != uint8(ttl) || Fold(Sum(p[:20], 0)) != 0xffff {
			t.Fatalf("TTL %d: got %d, header folds to %#x", ttl, p.TTL(), Fold(Sum(p[:20], 0)))
		}
	}
}

func TestFragmentFields(t *testing.T) {
	b := validIPv4()
	b[6], b[7] = 0x20, 0 // more fragments
	if p := IPv4(b); !p.Fragment() || p.FragmentOffset() != 0 || p.DontFragment() {
		t.Error("first fragment is not seen as one")
	}
	b[6], b[7] = 0, 5
	if p := IPv4(b); !p.Fragment() || p.FragmentOffset() != 40 {
		t.Error("later fragment is not seen as one")
	}
}

func TestUpperWalksExtensionHeadersWithinBounds(t *testing.T) {
	v6 := func(next uint8, payload ...byte) IPv6 {
		b := make([]byte, IPv6Len, IPv6Len+len(payload))
		b[0], b[ipv6PayloadLen+1], b[ipv6Next] = 0x60, byte(len(payload)), next
		return append(b, payload...)
	}
	ext := func(next, n uint8) []byte { return []byte{next, n, 0, 0, 0, 0, 0, 0} }
	chain := func(n int) (b []byte) {
		for range n {
			b = append(b, ext(extDstOpts, 0)...)
		}
		return b
	}
	for _, c := range []struct {
		name  string
		p     IPv6
		proto uint8
		ok    bool
	}{
		{"none", v6(ProtoUDP, 1, 2), ProtoUDP, true},
		{"hop-by-hop", v6(extHopByHop, append(ext(ProtoICMPv6, 0), 9)...), ProtoICMPv6, true},
		{"authentication", v6(extAuth, append(ext(ProtoTCP, 0), 9)...), ProtoTCP, true},
		{"fragment", v6(extFragment, ext(ProtoUDP, 0)...), 0, false},
		{"length past the end", v6(extDstOpts, ext(ProtoUDP, 1)...), 0, false},
		{"cut off", v6(extDstOpts, ProtoUDP, 0, 0), 0, false},
		{"chain without end", v6(extDstOpts, chain(20)...), 0, false},
	} {
		if proto, _, ok := c.p.Upper(); ok != c.ok || proto != c.proto {
			t.Errorf("%s: got %d %v, want %d %v", c.name, proto, ok, c.proto, c.ok)
		}
	}
}

func TestOptionOfLengthZeroEndsTheWalk(t *testing.T) {
	m := make([]byte, NSLen+16)
	m[0] = NDNeighborSolicit
	opts := ND(m).Options()
	if _, _, ok := opts.Next(); ok {
		t.Error("an option of length zero was given")
	}
}
