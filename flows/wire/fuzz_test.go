package wire

import "testing"

// The fuzz targets call every method of every view: none may panic, and what a
// view gives must lie in the bytes it was made from.

func within(t *testing.T, what string, got, of []byte) {
	t.Helper()
	if len(got) > len(of) {
		t.Fatalf("%s: %d bytes out of %d", what, len(got), len(of))
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add(request(f, ip4B, ip4A, nil))
	f.Add(solicitationFor(f, ip6B, group6A, ip6A, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := ParseEthernet(b)
		if !ok {
			return
		}
		q, ok := ParseQuestion(e)
		if !ok || !q.Sound() {
			return
		}
		if _, v4 := q.Addr4(); v4 {
			AnswerARP(e, MAC{2})
		} else {
			AnswerSolicitation(append(e, make([]byte, AdvertisementLen)...)[:AdvertisementLen], MAC{2})
		}
	})
}

func FuzzEthernet(f *testing.F) {
	f.Add(solicit(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, ok := ParseEthernet(b); ok {
			within(t, "payload", e.Payload(), b)
			e.SetSrc(e.Dst())
			e.SetDst(e.Src())
			e.SetType(e.Type())
		}
		if v, ok := ParseVLAN(b); ok {
			tci := v.TCI()
			dst, src, typ := Ethernet(b).Dst(), Ethernet(b).Src(), v.Type()
			v.MoveAddrs()
			if e := Ethernet(b[VLANLen:]); e.Dst() != dst || e.Src() != src || e.Type() != typ {
				t.Fatalf("MoveAddrs changed the header: % x", b[:18])
			}
			if !InsertTag(b, tci) || VLAN(b).TCI() != tci {
				t.Fatal("InsertTag refused a frame that had a tag")
			}
		}
		if a, ok := ParseARP(b); ok {
			_, _, _, _ = a.Ethernet(), a.Op(), a.TargetMAC(), a.TargetIP()
			a.SetSenderMAC(a.SenderMAC())
		}
	})
}

func FuzzIPv4(f *testing.F) {
	f.Add(validIPv4(), 0)
	f.Fuzz(func(t *testing.T, b []byte, more int) {
		p, ok := ParseIPv4(b, len(b)+more&0xffff)
		if !ok {
			return
		}
		within(t, "payload", p.Payload(), b)
		before := Fold(Sum(p[:IPv4Len], 0))
		p.SetTTL(p.TTL() + 1)
		if after := Fold(Sum(p[:IPv4Len], 0)); after != before && after+before != 0xffff {
			t.Fatalf("SetTTL changed the header's sum from %#x to %#x", before, after)
		}
		transport(t, p.Payload())
		_ = PseudoSum4(p, p.Proto(), len(p.Payload()))
	})
}

func FuzzIPv6(f *testing.F) {
	f.Add(solicit(f)[EthernetLen:])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := ParseIPv6(b)
		if !ok {
			return
		}
		within(t, "payload", p.Payload(), b)
		if _, up, ok := p.Upper(); ok {
			within(t, "upper layer", up, b)
			transport(t, up)
			_ = PseudoSum6(p, p.Next(), len(up))
		}
	})
}

// transport runs the parsers of what may follow an IP header over b.
func transport(t *testing.T, b []byte) {
	if u, ok := ParseUDP(b); ok {
		within(t, "udp payload", u.Payload(), b)
		_ = u.Sum() + u.SrcPort() + u.DstPort()
	}
	if s, ok := ParseTCP(b); ok {
		within(t, "tcp payload", s.Payload(), b)
		_ = uint32(s.Sum()) + s.Seq() + s.Ack() + uint32(s.Flags())
	}
	if m, ok := ParseICMP(b); ok {
		_, _ = m.Code(), m.Sum()
	}
	m, ok := ParseND(b)
	if !ok {
		return
	}
	opts, n := m.Options(), 0
	for _, opt, ok := opts.Next(); ok; _, opt, ok = opts.Next() {
		*NDOptionMAC(opt) = MAC{}
		if n += len(opt); n > len(b) {
			t.Fatalf("options of %d bytes in a message of %d", n, len(b))
		}
	}
}
