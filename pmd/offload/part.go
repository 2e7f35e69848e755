package offload

import (
	"bytes"
	"encoding/binary"

	"ipvd/pmd"
)

// kind is what a Merger does with a packet.
type kind uint8

const (
	stranger kind = iota // of no flow that can be told
	alone                // of a flow, and not to be merged
	ready                // may be merged
)

// flow is what finds the packets of a flow again.
type flow struct {
	headers
	key  uint64 // of addresses and ports; flows may have the same
	size int    // payload of the first packet in bytes
}

// part is what a Merger must know of a packet.
type part struct {
	flow
	payload int
	id      uint16 // of IPv4
	seq     uint32 // of TCP
	psh     byte
}

// maxPadding is what a link adds to the shortest packet (IEEE 802.3).
const maxPadding = 46

// Flags of TCP.
const flagPSH, flagACK = 0x08, 0x10

// read reads the headers of m.
func (p *part) read(m *pmd.Mbuf) kind {
	b := m.Data()
	h, ok := parse(b)
	if !ok || m.VLANStripped() {
		return stranger
	}
	p.headers = h
	p.key = h.flowKey(b)
	p.payload = h.payloadLen(b) - h.l4
	p.size = p.payload
	padding := m.Len() - h.all() - p.payload
	if p.payload <= 0 || padding < 0 || padding > maxPadding || h.l3 != h.plainL3() {
		return alone
	}
	if m.Offload() && (m.Vnet().GSOType != 0 || padding > 0) { // who completes a checksum sums the padding, too
		return alone
	}
	l4 := b[h.transport():]
	if !h.v6 {
		p.id = binary.BigEndian.Uint16(b[h.l2+4:])
	}
	if h.udp {
		if int(binary.BigEndian.Uint16(l4[4:])) != udpLen+p.payload || l4[udpSum]|l4[udpSum+1] == 0 {
			return alone
		}
		return ready
	}
	p.seq = binary.BigEndian.Uint32(l4[4:])
	p.psh = l4[13] & flagPSH
	if l4[13] != flagACK|p.psh || l4[12]&15 != 0 {
		return alone
	}
	return ready
}

// plainL3 is the length of an IP header without options.
func (h *headers) plainL3() int {
	if h.v6 {
		return ipv6Len
	}
	return ipv4Len
}

// flowKey mixes addresses and ports of the packet in b. A sender may choose
// them so that two flows have the same: what is merged is compared in full.
func (h *headers) flowKey(b []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	key := uint64(binary.LittleEndian.Uint32(b[h.transport():]))
	at, end := h.l2+12, h.l2+ipv4Len
	if h.v6 {
		at, end = h.l2+8, h.l2+ipv6Len
	}
	for ; at < end; at += 8 {
		key = key*odd ^ binary.LittleEndian.Uint64(b[at:])
	}
	return key
}

// takes reports that m, which p describes, can become the last packet of f,
// which begins with first.
func (f *merged) takes(first, m *pmd.Mbuf, p *part) bool {
	if f.headers != p.headers || p.payload > f.size || f.parts+m.Segs() > MaxParts ||
		f.l3+f.l4+f.payload+p.payload > maxIPLen {
		return false
	}
	a, b := first.Data(), m.Data()
	if !f.sameIP(a, b, p) || !f.sameTransport(a[f.transport():f.all()], b[f.transport():f.all()], p) {
		return false
	}
	if !f.checked {
		if !f.right(first, f.size) {
			return false
		}
		f.checked = true
	}
	return p.right(m, p.payload)
}

// sameIP compares what lies before the transport headers. Identifications count
// up, or are all the same where nobody may look at them (RFC 6864, section 4.1).
func (f *merged) sameIP(a, b []byte, p *part) bool {
	ip := f.l2
	if !bytes.Equal(a[:ip], b[:ip]) {
		return false
	}
	if f.v6 {
		return bytes.Equal(a[ip:ip+4], b[ip:ip+4]) && bytes.Equal(a[ip+6:ip+ipv6Len], b[ip+6:ip+ipv6Len])
	}
	const dontFragment = 0x40
	if !bytes.Equal(a[ip:ip+2], b[ip:ip+2]) || !bytes.Equal(a[ip+6:ip+10], b[ip+6:ip+10]) || !bytes.Equal(a[ip+12:ip+20], b[ip+12:ip+20]) {
		return false
	}
	first := binary.BigEndian.Uint16(a[ip+4:])
	if p.id == first && a[ip+6]&dontFragment != 0 && (f.count == 1 || f.id == first) {
		return true
	}
	return p.id == first+uint16(f.count) && p.id == f.id+1
}

// sameTransport compares the TCP or UDP headers a and b.
func (f *merged) sameTransport(a, b []byte, p *part) bool {
	if f.udp {
		return bytes.Equal(a[:4], b[:4])
	}
	return p.seq == f.seq && bytes.Equal(a[:4], b[:4]) && bytes.Equal(a[8:13], b[8:13]) &&
		bytes.Equal(a[14:16], b[14:16]) && bytes.Equal(a[18:], b[18:])
}

// join adds packet i, and reports that f must take no more.
func (f *merged) join(i uint16, m *pmd.Mbuf, p *part) (full bool) {
	f.last, f.tail, f.id, f.psh = i, p.payload, p.id, p.psh
	f.count++
	f.parts += m.Segs()
	f.payload += p.payload
	f.seq += uint32(p.payload)
	return p.payload < f.size || p.psh != 0 || f.udp && f.count == maxMergedDatagrams
}
