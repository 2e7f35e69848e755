package vhost

import (
	"encoding/binary"
	"fmt"

	"ipvd/pmd"
	"ipvd/pmd/peer"
)

// maxChains is how many chains of the driver one packet may take: with mergeable
// buffers of a page or less, 64 KB need some dozen.
const maxChains = 128

// txRing is a ring by which the driver receives.
type txRing ring

var _ peer.Sender = (*txRing)(nil)

// Offloads is what the driver has accepted.
func (q *txRing) Offloads() pmd.Offloads { return (*ring)(q).wants() }

// Send copies packets into buffers of the driver.
func (q *txRing) Send(pkts []*pmd.Mbuf, t *pmd.QueueStats) error {
	r := (*ring)(q)
	free, err := r.waiting()
	if err != nil {
		return err
	}
	begin := r.usedNow
	for len(pkts) > 0 {
		if k := r.putRow(pkts[:min(len(pkts), int(free))], t); k > 0 {
			pkts = pkts[k:]
			free -= uint32(k)
			continue
		}
		m := pkts[0]
		pkts = pkts[1:]
		n := m.Len()
		used, fits, err := r.put(m, n, free)
		switch {
		case err != nil:
			return err
		case used > 0:
			free -= used
			t.Packets++
			t.Bytes += uint64(n)
		case !fits:
			t.TooBig++
		default:
			t.Full++
		}
	}
	if r.usedNow != begin {
		r.publish()
	}
	return nil
}

// putRow copies packets as long as each is one segment with nothing left to do that fits
// one descriptor in the area of the first, and gives their number: all, as a rule.
func (r *ring) putRow(pkts []*pmd.Mbuf, t *pmd.QueueStats) int {
	const header = 12
	if r.headerLen != header {
		return 0
	}
	if len(pkts) > peer.MaxRow {
		pkts = pkts[:peer.MaxRow]
	}
	var a *area
	var ids [peer.MaxRow]uint16
	bytes, k := uint64(0), 0
	for ; k < len(pkts); k++ {
		m, id := pkts[k], r.entry(r.next+uint16(k))
		n := uint32(m.DataLen())
		if id >= r.num || !m.Whole() || !m.Plain() {
			break
		}
		addr, rest := r.cells.Load(id)
		if uint16(rest>>32) != forDevice || uint32(rest) < n+header {
			break
		}
		if a == nil {
			if a, _ = r.memory.areaOf(addr, n+header); a == nil {
				break
			}
		}
		at := addr - a.guest
		// A row holds 32 bits.
		if at >= uint64(len(a.bytes)) || uint64(len(a.bytes))-at < uint64(n+header) || at > 1<<32-1<<17 {
			break
		}
		p := &r.sent[k&(peer.MaxRow-1)]
		p.At, p.N = uint32(at), n
		ids[k&(peer.MaxRow-1)] = uint16(id)
	}
	if k == 0 {
		return 0
	}
	r.sent.PutRow(a.bytes, header, pkts[:k])
	for i := range r.sent[:k] {
		p := &r.sent[i]
		b := a.bytes[p.At:][:header]
		binary.LittleEndian.PutUint64(b, 0)
		binary.LittleEndian.PutUint32(b[8:], 1<<16) // one chain
		r.giveBack(uint32(ids[i]), p.N+header)
		bytes += uint64(p.N)
	}
	r.next += uint16(k)
	t.Packets += uint64(k)
	t.Bytes += bytes
	return k
}

// put copies m into chains, at most free, and gives their number: 0 when there are
// too few, or with fits false when no number would do. Nothing is given back then.
func (r *ring) put(m *pmd.Mbuf, n int, free uint32) (used uint32, fits bool, err error) {
	if n > peer.MaxFrame {
		return 0, false, nil
	}
	o := &r.out
	o.r, o.m, o.src, o.left = r, m, m.Data(), n
	for {
		if used == free {
			return 0, true, nil
		}
		if used == maxChains || used > 0 && !r.mergeable {
			return 0, false, nil
		}
		id := r.entry(r.next + uint16(used))
		written, ok := o.chain(id, used == 0)
		if !ok {
			return 0, true, fmt.Errorf("ring of %d descriptors: a chain that begins with %d is malformed, or too short for a header", r.num, id)
		}
		o.ids[used], o.lens[used] = id, written
		used++
		if o.left == 0 {
			break
		}
	}
	if r.headerLen == 12 {
		o.count(uint16(used))
	}
	for i := range used {
		r.giveBack(o.ids[i], o.lens[i])
	}
	r.next += uint16(used)
	return used, true, nil
}

// out is a packet on its way into chains; one for a ring, since it is large.
type out struct {
	r      *ring
	m      *pmd.Mbuf
	src    []byte
	left   int
	number [2][]byte // where the number of chains stands: two bytes, maybe apart
	ids    [maxChains]uint32
	lens   [maxChains]uint32
}

// chain fills one chain and gives the bytes written.
func (o *out) chain(id uint32, first bool) (written uint32, ok bool) {
	w := o.r.begin(id, true)
	if there, ok := w.step(); !there || !ok {
		return 0, false
	}
	if first {
		if !o.header(&w) {
			return 0, false
		}
		written = uint32(o.r.headerLen)
	}
	for o.left > 0 {
		if len(w.b) == 0 {
			there, ok := w.step()
			if !ok {
				return 0, false
			}
			if !there {
				break
			}
		}
		if len(o.src) == 0 {
			o.m = o.m.Next()
			o.src = o.m.Data()
			continue
		}
		n := copy(w.b, o.src)
		w.b, o.src = w.b[n:], o.src[n:]
		o.left -= n
		written += uint32(n)
	}
	return written, true
}

// header writes the virtio-net header at the front of a chain.
func (o *out) header(w *walk) bool {
	var h [12]byte
	if m := o.m; m.Offload() {
		v := m.Vnet()
		h[0], h[1] = v.Flags, v.GSOType
		for i, n := range []uint16{v.HdrLen, v.GSOSize, v.CsumStart, v.CsumOffset} {
			binary.LittleEndian.PutUint16(h[2+2*i:], n)
		}
	} else if m.Verified() && o.r.offloads.csum {
		h[0] = pmd.VnetDataValid
	}
	h[10] = 1 // chains
	left := h[:o.r.headerLen]
	for at := 0; len(left) > 0; {
		if len(w.b) == 0 {
			if there, ok := w.step(); !there || !ok {
				return false
			}
		}
		n := copy(w.b, left)
		for i := range o.number {
			if place := 10 + i - at; place >= 0 && place < n {
				o.number[i] = w.b[place : place+1]
			}
		}
		w.b, left, at = w.b[n:], left[n:], at+n
	}
	return true
}

// count writes the number of chains.
func (o *out) count(n uint16) { o.number[0][0], o.number[1][0] = byte(n), byte(n>>8) }
