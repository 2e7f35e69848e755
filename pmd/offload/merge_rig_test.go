package offload_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/offload"
	"ipvd/pmd/pmdtest"
)

// burst is packets for a Merger.
type burst struct {
	t    testing.TB
	rt   *pmdtest.Runtime
	v    *pmd.Vector
	pkts []*pmd.Mbuf
	g    offload.Merger
}

func newBurst(t testing.TB) *burst {
	b := &burst{t: t}
	b.rt, b.v = newVector(t, 2048)
	t.Cleanup(b.clear)
	return b
}

func (b *burst) clear() {
	for _, m := range b.pkts {
		b.rt.Free(m)
	}
	b.pkts = b.pkts[:0]
}

// add adds a frame, in segments of at most room bytes.
func (b *burst) add(f []byte, h pmd.VnetHdr, room int) {
	b.t.Helper()
	m := mbuf(b.t, b.rt, f, h, room)
	b.pkts = append(b.pkts, m)
	if h.Flags|h.GSOType != 0 && !offload.Accept(m) {
		b.t.Fatalf("a frame with header %+v is not accepted", h)
	}
}

// finished is what packet i is on a link: its checksum completed, without padding.
func (b *burst) finished(i int) []byte {
	m := b.pkts[i]
	if !m.Offload() {
		return pmdtest.Bytes(m)
	}
	c := mbuf(b.t, b.rt, pmdtest.Bytes(m), *m.Vnet(), 2048)
	defer b.rt.Free(c)
	if !offload.Accept(c) {
		b.t.Fatal("not accepted")
	}
	if c.Vnet().GSOType == 0 {
		offload.Complete(c)
	}
	return pmdtest.Bytes(c)
}

// merged is frame f as a receiver gets it, of several packets.
func (b *burst) merged(f int) *pmd.Mbuf {
	h, header := b.g.Header(b.pkts, f)
	all := bytes.Clone(header)
	n, i := b.g.Packets(f)
	for k := range n {
		skip, payload := b.g.Payload(f, k)
		all = append(all, pmdtest.Bytes(b.pkts[i])[skip:skip+payload]...)
		i = b.g.After(i)
	}
	m := mbuf(b.t, b.rt, all, *h, 2048)
	if !offload.Accept(m) {
		b.t.Fatalf("a merged frame is not accepted: %+v, %x", *h, header)
	}
	return m
}

// frames gathers the burst and gives the packets by frame. Those of each frame
// of several are compared with what it is cut into again.
func (b *burst) frames(udp bool) (all [][]int) {
	b.t.Helper()
	for f := range b.g.Gather(b.pkts, udp) {
		var places []int
		n, i := b.g.Packets(f)
		for range n {
			places = append(places, i)
			i = b.g.After(i)
		}
		all = append(all, places)
		if n > 1 {
			b.compare(f, places)
		}
	}
	return all
}

func (b *burst) compare(f int, places []int) {
	b.t.Helper()
	m := b.merged(f)
	defer b.rt.Free(m)
	cut := segments(b.t, b.rt, b.v, m)
	if len(cut) != len(places) {
		b.t.Fatalf("%d packets became %d segments", len(places), len(cut))
	}
	for k, i := range places {
		want := b.finished(i)
		if len(want) < len(cut[k]) || !bytes.Equal(comparable(cut[k]), comparable(want[:len(cut[k])])) {
			b.t.Fatalf("packet %d became\n%x, was\n%x", i, cut[k], want)
		}
	}
}

// comparable is a packet of TCP or UDP without what may change: identifications
// that nobody may look at, and which form a sum of zero has.
func comparable(frame []byte) []byte {
	b := bytes.Clone(frame)
	l3 := 12
	for binary.BigEndian.Uint16(b[l3:]) == 0x8100 || binary.BigEndian.Uint16(b[l3:]) == 0x88a8 {
		l3 += 4
	}
	l3 += 2
	l4, proto := l3+40, b[l3+6]
	if b[l3]>>4 == 4 {
		l4, proto = l3+20, b[l3+9]
		if b[l3+6]&0x40 != 0 {
			clear(b[l3+4 : l3+6])
			clear(b[l3+10 : l3+12])
		}
		oneZero(b[l3+10:])
	}
	if proto == 6 {
		oneZero(b[l4+16:])
	}
	return b
}

func oneZero(sum []byte) {
	if binary.BigEndian.Uint16(sum) == 0xffff {
		clear(sum[:2])
	}
}
