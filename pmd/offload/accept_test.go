package offload_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/offload"
	"ipvd/pmd/pmdtest"
)

func TestChecksumsAreCompletedOverAllSegments(t *testing.T) {
	rt, _ := newVector(t, 128)
	for _, n := range []int{0, 1, 7, 8, 9, 31, 32, 33, 1400, 8000, 8001} {
		for _, room := range []int{2048, 301, 127} {
			for _, v6 := range []bool{false, true} {
				for _, udp := range []bool{false, true} {
					p := packet{v6: v6, udp: udp, flags: "A", payload: noise(n)}
					want := p.bytes(t)
					b, h := p.unfinished(t, 0)
					m := mbuf(t, rt, b, h, room)
					if !offload.Accept(m) || !m.Offload() {
						t.Fatalf("%d bytes, v6 %t, udp %t: not accepted", n, v6, udp)
					}
					offload.Complete(m)
					if got := pmdtest.Bytes(m); !bytes.Equal(got, want) || m.Offload() {
						t.Errorf("%d bytes in segments of %d, v6 %t, udp %t: got\n%x, want\n%x", n, room, v6, udp, got, want)
					}
					rt.Free(m)
				}
			}
		}
	}
}

// TestAChecksumOfZeroIsWrittenAsItsOtherForm: zero would mean that there is none
// (RFC 768).
func TestAChecksumOfZeroIsWrittenAsItsOtherForm(t *testing.T) {
	rt, _ := newVector(t, 16)
	b, h := packet{udp: true, payload: []byte{0, 0}}.unfinished(t, 0)
	m := mbuf(t, rt, b, h, 2048)
	offload.Accept(m)
	offload.Complete(m)
	first := binary.BigEndian.Uint16(pmdtest.Bytes(m)[40:])
	rt.Free(m)
	binary.BigEndian.PutUint16(b[42:], first) // the payload takes up what was missing
	m = mbuf(t, rt, b, h, 2048)
	offload.Accept(m)
	offload.Complete(m)
	if got := binary.BigEndian.Uint16(pmdtest.Bytes(m)[40:]); got != 0xffff {
		t.Errorf("checksum %#x, want 0xffff", got)
	}
	rt.Free(m)
}

func TestHeadersThatDoNotFitTheFrameAreRefused(t *testing.T) {
	rt, _ := newVector(t, 64)
	tcp := packet{flags: "A", payload: noise(3000)}
	udp := packet{udp: true, payload: noise(3000)}
	six := packet{v6: true, flags: "A", payload: noise(3000)}
	for _, c := range []struct {
		name   string
		p      packet
		size   int
		change func(b []byte, h *pmd.VnetHdr) []byte
	}{
		{"checksum before the payload", tcp, 0, func(b []byte, h *pmd.VnetHdr) []byte { h.CsumStart = 13; return b }},
		{"checksum behind the frame", tcp, 0, func(b []byte, h *pmd.VnetHdr) []byte { h.CsumStart = 65535; return b }},
		{"checksum offset behind the frame", tcp, 0, func(b []byte, h *pmd.VnetHdr) []byte { h.CsumOffset = 65535; return b }},
		{"checksum across the frame's end", tcp, 0, func(b []byte, h *pmd.VnetHdr) []byte {
			h.CsumStart = 34
			h.HdrLen = 34
			return b[:51]
		}},
		{"headers longer than the frame", tcp, 0, func(b []byte, h *pmd.VnetHdr) []byte { h.HdrLen = uint16(len(b) + 1); return b }},
		{"headers longer than the frame, segmented", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.HdrLen = 65535; return b }},
		{"no segment size", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOSize = 0; return b }},
		{"a segment size for an attack", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOSize = 7; return b }},
		{"too many datagrams", udp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOSize = 23; return b }},
		{"unknown type", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOType = 2; return b }},
		{"fragments of UDP", udp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOType = 3; return b }},
		{"UDP with ECN", udp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOType |= pmd.VnetECN; return b }},
		{"IPv6 said to be IPv4", six, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOType = pmd.VnetTCPv4; return b }},
		{"UDP said to be TCP", udp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.GSOType = pmd.VnetTCPv4; return b }},
		{"segmented without a checksum", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.Flags = 0; return b }},
		{"checksum elsewhere", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.CsumStart++; return b }},
		{"checksum elsewhere in the header", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { h.CsumOffset = 4; return b }},
		{"a fragment", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { b[20] |= 0x20; return b }},
		{"IP length too short", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { b[17]--; return b }},
		{"IPv6 length too long", six, 1000, func(b []byte, h *pmd.VnetHdr) []byte { b[19]++; return b }},
		{"TCP header too short", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { b[46] = 0x40; return b }},
		{"no payload", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { return b[:66] }},
		{"cut in the headers", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { return b[:50] }},
		{"options beyond the frame", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { b[14] = 0x4f; return b[:60] }},
		{"IPv6 extension header beyond the frame", six, 1000, func(b []byte, h *pmd.VnetHdr) []byte { b[20], b[55] = 0, 255; return b }},
		{"no Ethernet header", tcp, 1000, func(b []byte, h *pmd.VnetHdr) []byte { return b[:13] }},
	} {
		b, h := c.p.unfinished(t, c.size)
		m := mbuf(t, rt, b, h, 2048)
		if !offload.Accept(m) {
			t.Errorf("%s: refused before the change", c.name)
		}
		rt.Free(m)
		b = c.change(b, &h)
		m = mbuf(t, rt, b, h, 2048)
		if offload.Accept(m) || m.Offload() {
			t.Errorf("%s: accepted", c.name)
		}
		rt.Free(m)
	}
}

func TestAFinishedFrameIsLeftAlone(t *testing.T) {
	rt, _ := newVector(t, 16)
	for _, flags := range []uint8{0, pmd.VnetDataValid} {
		m := mbuf(t, rt, noise(60), pmd.VnetHdr{Flags: flags, CsumStart: 65535, GSOSize: 1}, 2048)
		if !offload.Accept(m) || m.Offload() || m.Verified() != (flags != 0) || m.Segments() != 1 || m.Longest() != 60 {
			t.Errorf("flags %d: offload %t, verified %t", flags, m.Offload(), m.Verified())
		}
		rt.Free(m)
	}
}

// FuzzAccept: whatever is accepted can be finished, and nothing of the payload
// is lost.
func FuzzAccept(f *testing.F) {
	for _, p := range []packet{{flags: "A"}, {v6: true, flags: "A"}, {udp: true}, {v6: true, udp: true, tags: 2}} {
		p.payload = noise(300)
		for _, size := range []int{0, 100} {
			b, h := p.unfinished(f, size)
			f.Add(b, h.Flags, h.GSOType, h.HdrLen, h.GSOSize, h.CsumStart, h.CsumOffset, 150)
		}
	}
	rt, v := newVector(f, 512)
	f.Fuzz(func(t *testing.T, b []byte, flags, typ uint8, hdrLen, size, start, offset uint16, room int) {
		if len(b) == 0 || len(b) > 20000 || room < 64 || room > 2048 {
			return
		}
		m := mbuf(t, rt, b, pmd.VnetHdr{Flags: flags, GSOType: typ, HdrLen: hdrLen, GSOSize: size, CsumStart: start, CsumOffset: offset}, room)
		defer rt.Free(m)
		if !offload.Accept(m) || !m.Offload() {
			return
		}
		if m.Vnet().GSOType == 0 {
			offload.Complete(m)
			return
		}
		payload, headers, n := 0, m.Headers(), m.Segments()
		for _, s := range segments(t, rt, v, m) {
			payload += len(s) - headers
			n--
			if len(s) > m.Longest() {
				t.Errorf("a segment has %d bytes, at most %d were announced", len(s), m.Longest())
			}
		}
		if payload != len(b)-headers || n != 0 {
			t.Errorf("segments hold %d bytes of %d, and %d are missing", payload, len(b)-headers, n)
		}
	})
}
