package memif

import (
	"fmt"

	"ipvd/pmd"
	"ipvd/pmd/peer"
)

// Send copies packets into the ring.
func (r *ring) Send(pkts []*pmd.Mbuf, t *pmd.QueueStats) error {
	free, err := r.room()
	if err != nil {
		return err
	}
	begin := r.next
	for len(pkts) > 0 {
		if k := r.putRow(pkts[:min(len(pkts), int(free))], t); k > 0 {
			pkts = pkts[k:]
			free -= uint32(k)
			continue
		}
		m := pkts[0]
		pkts = pkts[1:]
		n := m.Len()
		switch used, ok := r.put(m, n, free); {
		case !ok:
			return fmt.Errorf("ring of %d slots: slot %d is not in the peer's memory", r.slots, uint32(r.next)&(r.slots-1))
		case n > peer.MaxFrame:
			t.TooBig++
		case used == 0:
			t.Full++
		default:
			r.next += uint16(used)
			free -= used
			t.Packets++
			t.Bytes += uint64(n)
		}
	}
	if r.next != begin {
		r.publish()
	}
	return nil
}

// putRow copies packets as long as each is one segment that fits one slot, in the region
// of the first, and gives their number: all of a row, as a rule.
func (r *ring) putRow(pkts []*pmd.Mbuf, t *pmd.QueueStats) int {
	if len(pkts) > peer.MaxRow {
		pkts = pkts[:peer.MaxRow]
	}
	b, region, k := r.own, uint16(0), 0
	if b != nil {
		k = r.ownRow(pkts)
	} else {
		b, region, k = r.theirRow(pkts)
	}
	if k == 0 {
		return 0
	}
	r.sent.PutRow(b, 0, pkts[:k])
	bytes, told := uint64(0), uint64(0)
	if r.own != nil {
		told = uint64(r.ownAt)
	}
	for i := range r.sent[:k] {
		p := &r.sent[i]
		r.cells.Store(uint32(r.next)+uint32(i), uint64(region)<<16|uint64(p.N)<<32, uint64(p.At)+told)
		bytes += uint64(p.N)
	}
	r.next += uint16(k)
	t.Packets += uint64(k)
	t.Bytes += bytes
	return k
}

// ownRow finds places in a client's buffers.
func (r *ring) ownRow(pkts []*pmd.Mbuf) (k int) {
	for k < len(pkts) && pkts[k].Whole() && uint32(pkts[k].DataLen()) <= r.size {
		p := &r.sent[k&(peer.MaxRow-1)]
		p.At, p.N = (uint32(r.next)+uint32(k))&(r.slots-1)*r.size, uint32(pkts[k].DataLen())
		k++
	}
	return k
}

// theirRow finds places that the client's descriptors name, in the memory b of a region.
func (r *ring) theirRow(pkts []*pmd.Mbuf) (b []byte, region uint16, k int) {
	lo, _ := r.cells.Load(uint32(r.next))
	if region = uint16(lo >> 16); int(region) >= len(r.regions) {
		return nil, 0, 0
	}
	b = r.regions[region].Bytes
	for ; k < len(pkts); k++ {
		lo, hi := r.cells.Load(uint32(r.next) + uint32(k))
		n, at := uint64(pkts[k].DataLen()), uint64(uint32(hi))
		if !pkts[k].Whole() || uint16(lo>>16) != region || n > lo>>32 || at+n > uint64(len(b)) {
			break
		}
		p := &r.sent[k&(peer.MaxRow-1)]
		p.At, p.N = uint32(at), uint32(n)
	}
	return b, region, k
}

// Offloads is none: a descriptor has no room for what is missing.
func (r *ring) Offloads() pmd.Offloads { return 0 }

// room is how many slots can be filled.
func (r *ring) room() (uint32, error) {
	if r.own == nil {
		return r.ahead(r.headNow())
	}
	used := uint32(r.next - r.tailNow())
	if used > r.slots {
		return 0, fmt.Errorf("ring of %d slots: the peer has taken more than there was", r.slots)
	}
	return r.slots - used, nil
}

// publish gives what was filled to the peer, and tells it if it wants to be told.
func (r *ring) publish() {
	if r.own == nil {
		r.tail.StoreLow(r.next)
	} else {
		r.head.StoreHigh(r.next)
	}
	r.fence.Full()
	if r.head.Load()&maskInterrupt == 0 && r.bell != nil {
		r.bell.Ring()
	}
}

// buffer is slot i's, empty, with room for as much as fits.
func (r *ring) buffer(i uint16) (b []byte, region uint16, at uint32, ok bool) {
	if r.own != nil {
		off := (uint32(i) & (r.slots - 1)) * r.size
		return r.own[off : off+r.size : off+r.size], 0, r.ownAt + off, true
	}
	lo, hi := r.cells.Load(uint32(i))
	region, at = uint16(lo>>16), uint32(hi)
	length := uint32(lo >> 32)
	if int(region) >= len(r.regions) || length == 0 {
		return nil, 0, 0, false
	}
	all := r.regions[region].Bytes
	end := uint64(at) + uint64(length)
	if end > uint64(len(all)) {
		return nil, 0, 0, false
	}
	return all[at:end:end], region, at, true
}

// put copies m, of n bytes, into as many of free slots as it needs and gives their
// number; 0 when there are too few, or m is longer than any frame. Not ok: a slot is
// not in the peer's memory.
func (r *ring) put(m *pmd.Mbuf, n int, free uint32) (used uint32, ok bool) {
	if free == 0 || n > peer.MaxFrame {
		return 0, true
	}
	b, region, at, ok := r.buffer(r.next)
	if !ok {
		return 0, false
	}
	if m.Whole() && n <= len(b) {
		copy(b, m.Data())
		r.cells.Store(uint32(r.next), uint64(region)<<16|uint64(n)<<32, uint64(at))
		return 1, true
	}
	return r.spread(m, n, free)
}

// spread is put for a packet of several segments or slots.
func (r *ring) spread(m *pmd.Mbuf, n int, free uint32) (used uint32, ok bool) {
	src := m.Data()
	for n > 0 {
		if used == free {
			return 0, true
		}
		slot := r.next + uint16(used)
		b, region, at, ok := r.buffer(slot)
		if !ok {
			return 0, false
		}
		filled := 0
		for filled < len(b) && n > 0 {
			if len(src) == 0 {
				m = m.Next()
				src = m.Data()
				continue
			}
			k := copy(b[filled:], src)
			src, filled, n = src[k:], filled+k, n-k
		}
		more := uint64(0)
		if n > 0 {
			more = moreFollows
		}
		r.cells.Store(uint32(slot), more|uint64(region)<<16|uint64(filled)<<32, uint64(at))
		used++
	}
	return used, true
}
