package offload

import (
	"encoding/binary"

	"ipvd/pmd"
)

// Packets is how many packets frame f of the last Gather stands for, and the
// first, by its place in the burst. A frame of one packet is to be sent as it is.
func (g *Merger) Packets(f int) (n, first int) {
	return g.frames[f].count, int(g.frames[f].first)
}

// After is the packet that follows packet i in its frame, which has one.
func (g *Merger) After(i int) int { return int(g.next[i]) }

// Payload is what packet k of the n of frame f, counted from 0, adds to it: skip
// bytes of headers lie before it, and padding may lie behind.
func (g *Merger) Payload(f, k int) (skip, n int) {
	p := &g.frames[f]
	if k == p.count-1 {
		return p.all(), p.tail
	}
	return p.all(), p.size
}

// Header is what frame f, of several packets, begins with: its virtio-net
// header, and the headers of its first packet with the lengths of the whole. Both
// count until the next call.
func (g *Merger) Header(pkts []*pmd.Mbuf, f int) (*pmd.VnetHdr, []byte) {
	p := &g.frames[f]
	b := g.header[:p.all()]
	copy(b, pkts[p.first].Data())
	ip, l4 := b[p.l2:], b[p.transport():]
	length := p.l4 + p.payload
	if p.v6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(length))
	} else {
		binary.BigEndian.PutUint16(ip[2:], uint16(p.l3+length))
		clear(ip[ipv4Sum : ipv4Sum+2])
		binary.BigEndian.PutUint16(ip[ipv4Sum:], ^fold(sum(ip[:ipv4Len], 0)))
	}
	if p.udp {
		binary.BigEndian.PutUint16(l4[4:], uint16(length))
	} else {
		l4[13] |= p.psh
	}
	binary.BigEndian.PutUint16(b[p.sum():], fold(p.pseudo(b, length)))
	g.vnet = pmd.VnetHdr{Flags: pmd.VnetNeedsCsum, GSOType: p.gsoType(), HdrLen: uint16(p.all()),
		GSOSize: uint16(p.size), CsumStart: uint16(p.transport()), CsumOffset: uint16(p.sum() - p.transport())}
	return &g.vnet, b
}

func (h *headers) gsoType() uint8 {
	switch {
	case h.udp:
		return pmd.VnetUDP
	case h.v6:
		return pmd.VnetTCPv6
	}
	return pmd.VnetTCPv4
}

// pseudo is the sum of the pseudo header (RFC 9293, section 3.1; RFC 8200, section
// 8.1) of the packet in b, whose transport header and payload have length bytes.
func (h *headers) pseudo(b []byte, length int) uint64 {
	acc := word(length) + word(protoTCP)
	if h.udp {
		acc = word(length) + word(protoUDP)
	}
	if h.v6 {
		return sum(b[h.l2+8:h.l2+ipv6Len], acc)
	}
	return sum(b[h.l2+12:h.l2+ipv4Len], acc)
}

// right reports that the checksums of m, a packet with headers h and so many
// bytes of payload, are right, or the transport's is left to be completed. Who
// merges writes them anew: what was wrong must not become right.
func (h *headers) right(m *pmd.Mbuf, payload int) bool {
	b, length := m.Data(), h.l4+payload
	if !h.v6 && fold(sum(b[h.l2:h.l2+ipv4Len], 0)) != 0xffff {
		return false
	}
	if m.Verified() {
		return true
	}
	acc := h.pseudo(b, length)
	if m.Offload() {
		v := m.Vnet()
		return v.Flags&pmd.VnetNeedsCsum != 0 && int(v.CsumStart) == h.transport() && int(v.CsumStart)+int(v.CsumOffset) == h.sum() &&
			binary.BigEndian.Uint16(b[h.sum():]) == fold(acc)
	}
	r := running{acc: acc}
	for s, at, left := m, h.transport(), length; left > 0; s, at = s.Next(), 0 {
		part := s.Data()[at:]
		part = part[:min(len(part), left)]
		r.add(part)
		left -= len(part)
	}
	return fold(r.acc) == 0xffff
}
