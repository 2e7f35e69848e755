package offload_test

import (
	"bytes"
	"fmt"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/offload"
	"ipvd/pmd/pmdtest"
)

// segments cuts a packet and gives the frames.
func segments(t testing.TB, rt *pmdtest.Runtime, v *pmd.Vector, m *pmd.Mbuf) (frames [][]byte) {
	t.Helper()
	var s offload.Segmenter
	for s.Start(m); s.More(); {
		seg := s.Next(v)
		if seg == nil {
			t.Fatal("no mbuf for a segment")
		}
		if seg.Offload() {
			t.Error("a segment is unfinished itself")
		}
		frames = append(frames, pmdtest.Bytes(seg))
		rt.Free(seg)
	}
	return frames
}

// want is the segments that gopacket makes.
func (p packet) want(t testing.TB, size int) (frames [][]byte) {
	t.Helper()
	for at := 0; at < len(p.payload); at += size {
		q, end := p, min(at+size, len(p.payload))
		q.payload, q.seq, q.id = p.payload[at:end], p.seq+uint32(at), p.id+uint16(at/size)
		q.flags = "A"
		if at == 0 && indexByte(p.flags, 'C') {
			q.flags += "C"
		}
		if end == len(p.payload) {
			q.flags += p.flags
			if at > 0 {
				q.flags = string(bytes.ReplaceAll([]byte(q.flags), []byte("C"), nil))
			}
		}
		frames = append(frames, q.bytes(t))
	}
	return frames
}

func TestSegmentsAreThoseThatTheSenderWouldHaveSent(t *testing.T) {
	rt, v := newVector(t, 256)
	for _, v6 := range []bool{false, true} {
		for _, udp := range []bool{false, true} {
			for tags := range 3 {
				for _, c := range []struct{ payload, size, room int }{
					{60000, 1448, 2048}, {60000, 8948, 2048}, {3000, 1001, 777}, {1449, 1448, 2048},
					{1448, 1448, 2048}, {100, 1448, 2048}, {4344, 1448, 301}, {997, 8, 111},
				} {
					p := packet{v6: v6, udp: udp, tags: tags, id: 0xfffe, seq: 0xffffff00, flags: "AFPC", payload: noise(c.payload)}
					name := fmt.Sprintf("v6=%t udp=%t tags=%d %v", v6, udp, tags, c)
					b, h := p.unfinished(t, c.size)
					h.GSOType |= pmd.VnetECN
					if udp {
						h.GSOType = pmd.VnetUDP
					}
					m := mbuf(t, rt, b, h, c.room)
					if !offload.Accept(m) || !m.Offload() {
						t.Fatalf("%s: not accepted", name)
					}
					want := p.want(t, c.size)
					if m.Segments() != len(want) || m.Longest() != len(want[0]) {
						t.Errorf("%s: %d segments of up to %d bytes, want %d of %d", name, m.Segments(), m.Longest(), len(want), len(want[0]))
					}
					got := segments(t, rt, v, m)
					if len(got) != len(want) {
						t.Fatalf("%s: %d segments, want %d", name, len(got), len(want))
					}
					for i := range got {
						if !bytes.Equal(got[i], want[i]) {
							t.Fatalf("%s: segment %d is\n%x, want\n%x", name, i, got[i], want[i])
						}
					}
					rt.Free(m)
				}
			}
		}
	}
}

func TestWithoutMbufsASegmentIsCutLater(t *testing.T) {
	rt, v := newVector(t, 8+4+2) // the stock, the frame, and two more
	p := packet{flags: "A", payload: noise(7000)}
	b, h := p.unfinished(t, 2500) // two mbufs a segment
	m := mbuf(t, rt, b, h, 2048)
	if !offload.Accept(m) {
		t.Fatal("not accepted")
	}
	var held []*pmd.Mbuf
	for range 7 {
		held = append(held, v.Alloc())
	}
	taken := []*pmd.Mbuf{rt.Pool().Get(), rt.Pool().Get()}
	var s offload.Segmenter
	s.Start(m)
	if seg := s.Next(v); seg != nil {
		t.Fatal("a segment of two mbufs came of one")
	}
	for _, m := range append(held, taken...) {
		v.Drop(m)
	}
	v.Overflow(v)
	var got [][]byte
	for s.More() {
		seg := s.Next(v)
		if seg == nil {
			t.Fatal("no segment with mbufs to be had")
		}
		got = append(got, pmdtest.Bytes(seg))
		rt.Free(seg)
	}
	if want := p.want(t, 2500); len(got) != len(want) || !bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil)) {
		t.Errorf("got %d segments, which differ from the %d wanted", len(got), len(want))
	}
	rt.Free(m)
}

// BenchmarkSegment cuts 64 KB into the segments of an Ethernet.
func BenchmarkSegment(b *testing.B) {
	rt, v := newVector(b, 256)
	f, h := packet{flags: "A", payload: noise(65160)}.unfinished(b, 1448)
	m := mbuf(b, rt, f, h, 2048)
	offload.Accept(m)
	b.SetBytes(int64(m.Len()))
	var s offload.Segmenter
	for b.Loop() {
		for s.Start(m); s.More(); {
			rt.Free(s.Next(v))
		}
	}
	rt.Free(m)
}
