package offload

import "ipvd/pmd"

const (
	// MaxMerge is how many packets a Merger looks at together.
	MaxMerge = 256
	// MaxParts is the most segments of mbufs that a merged frame has: with its
	// two headers it fits the 1,024 parts of a system call (IOV_MAX).
	MaxParts = 1000
	// maxOpen is how many flows are waited for at once, as many as the kernel's
	// GRO has in a bucket (net/core/gro.c, MAX_GRO_SKBS).
	maxOpen = 8
	// maxMergedDatagrams is what every kernel segments that knows UDP_L4:
	// UDP_MAX_SEGMENTS was 64 before Linux 6.9.
	maxMergedDatagrams = 64
	// maxIPLen is the longest packet, IP header included: that of IPv4, and what
	// older kernels bear of IPv6 (linux/netdevice.h, GSO_LEGACY_MAX_SIZE).
	maxIPLen = 65535
)

// Merger finds the packets of a burst that one frame can stand for: those of a
// TCP or UDP flow that Segmenter, or a kernel, would make of such a frame. The
// packets are only read. Worker only.
//
// The rules are those of the kernel's GRO (net/ipv4/tcp_offload.c,
// tcp_gro_receive; net/ipv4/udp_offload.c, udp_gro_receive) where it has any, and
// stricter: what cannot be told from the frame must be equal in all packets. A
// packet joins only when its checksum is right, or was to be completed.
type Merger struct {
	frames [MaxMerge]merged
	next   [MaxMerge]uint16 // the packet after this one in its frame
	n      int              // frames[:n] are in use
	open   [maxOpen]uint16  // frames[open[:waits]] take more packets, oldest first
	waits  int
	vnet   pmd.VnetHdr // of the frame that Header was asked for
	header [etherLen + maxTags*tagLen + ipv6Len + 60]byte
}

// merged is one frame that is to be sent.
type merged struct {
	flow
	first, last uint16 // packets, by their place in the burst
	count       int
	parts       int // segments of mbufs
	payload     int // bytes of all packets
	tail        int // and of the last
	id          uint16
	seq         uint32 // that the next packet has
	psh         byte   // the flag of the last packet
	checked     bool   // the first packet's checksum is right
}

// Gather decides about pkts, at most MaxMerge, and gives the number of frames to
// send, in order. Packets of one flow stay in their order; those of different
// flows may pass each other. udp: packets of UDP may be merged, too.
func (g *Merger) Gather(pkts []*pmd.Mbuf, udp bool) int {
	g.n, g.waits = 0, 0
	for i, m := range pkts {
		g.add(pkts, i, m, udp)
	}
	return g.n
}

// add takes packet i into a frame.
func (g *Merger) add(pkts []*pmd.Mbuf, i int, m *pmd.Mbuf, udp bool) {
	var p part
	kind := p.read(m)
	if kind == stranger { // may be part of any flow, as fragments are
		g.waits = 0
		g.begin(i, &p, m)
		return
	}
	w := g.waiting(p.key)
	if kind == alone || p.udp && !udp {
		g.shut(w)
		g.begin(i, &p, m)
		return
	}
	if w >= 0 {
		f := &g.frames[g.open[w]]
		if f.takes(pkts[f.first], m, &p) {
			g.next[f.last] = uint16(i)
			if f.join(uint16(i), m, &p) {
				g.shut(w)
			}
			return
		}
		g.shut(w)
	}
	f := g.begin(i, &p, m)
	if p.psh == 0 && (p.udp || p.payload >= minTCPSize) {
		g.wait(f)
	}
}

// waiting is the place in open of the flow with that key, or -1.
func (g *Merger) waiting(key uint64) int {
	for w := range g.waits {
		if g.frames[g.open[w]].key == key {
			return w
		}
	}
	return -1
}

// shut closes the frame at place w of open, if w is one.
func (g *Merger) shut(w int) {
	if w >= 0 {
		copy(g.open[w:g.waits], g.open[w+1:g.waits])
		g.waits--
	}
}

// wait opens frame f; the one that waited longest makes room.
func (g *Merger) wait(f int) {
	if g.waits == maxOpen {
		g.shut(0)
	}
	g.open[g.waits] = uint16(f)
	g.waits++
}

// begin makes packet i a frame and gives its number.
func (g *Merger) begin(i int, p *part, m *pmd.Mbuf) int {
	f := &g.frames[g.n]
	*f = merged{flow: p.flow, first: uint16(i), last: uint16(i), count: 1, parts: m.Segs(),
		payload: p.payload, tail: p.payload, id: p.id, seq: p.seq + uint32(p.payload), psh: p.psh}
	g.n++
	return g.n - 1
}
