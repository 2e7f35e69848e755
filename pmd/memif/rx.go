package memif

import "ipvd/pmd/peer"

// Receive takes packets that the peer has put there.
func (r *ring) Receive(in *peer.Intake) error {
	number := uint16(0)
	if r.own != nil {
		number = r.tailNow()
	} else {
		number = r.headNow()
	}
	n, err := r.ahead(number)
	if n == 0 || err != nil {
		return err
	}
	begin := r.next
	for n > 0 && in.Room() {
		if k := r.row(in, n); k > 0 {
			r.next += uint16(k)
			n -= k
			continue
		}
		b, more, ok := r.cell(r.next)
		if ok && !more {
			if !in.Take(b) {
				break
			}
			r.next++
			n--
			continue
		}
		used := r.chain(in, n)
		if used == 0 {
			break
		}
		r.next += uint16(used)
		n -= used
	}
	if r.next != begin {
		r.giveBack(begin)
	}
	return nil
}

// row takes packets of n slots as long as each is one slot, in the region of the first,
// and gives their number: all, as a rule.
func (r *ring) row(in *peer.Intake, n uint32) uint32 {
	room, longest := in.RowRoom()
	room = min(room, int(n))
	if r.own != nil {
		longest = min(longest, r.size)
	}
	b, first := r.own, uint16(0)
	k := 0
	for ; k < room; k++ {
		slot := uint32(r.next + uint16(k))
		lo, hi := r.cells.Load(slot)
		length, at, region := uint32(lo>>32), uint32(hi), uint16(lo>>16)
		if r.own != nil {
			at = (slot & (r.slots - 1)) * r.size // wherever the server says it is
		} else if b == nil || region != first {
			if k > 0 || int(region) >= len(r.regions) {
				break
			}
			b, first = r.regions[region].Bytes, region
		}
		if lo&moreFollows != 0 || length > longest || uint64(at)+uint64(length) > uint64(len(b)) {
			break
		}
		row := &in.Row[k&(peer.MaxRow-1)]
		row.At, row.N = at, length
	}
	if k > 0 {
		in.TakeRow(b, k)
	}
	return uint32(k)
}

// giveBack gives the slots from begin to next back to the peer.
func (r *ring) giveBack(begin uint16) {
	if r.own == nil {
		r.tail.StoreLow(r.next)
		return
	}
	for i := begin; i != r.next; i++ {
		slot := uint32(i) & (r.slots - 1)
		r.cells.Store(slot, uint64(r.size)<<32, uint64(r.ownAt+slot*r.size))
	}
	r.head.StoreHigh(r.next + uint16(r.slots))
}

// chain takes a packet of several slots, of n that are there, and gives their number;
// 0 when there are no mbufs. One that is malformed, or has no end, counts as an
// error.
func (r *ring) chain(in *peer.Intake, n uint32) (used uint32) {
	if !in.Begin() {
		return 0
	}
	whole := true
	for used < n {
		b, more, ok := r.cell(r.next + uint16(used))
		used++
		if whole && (!ok || !in.Part(b)) {
			if in.Starved() {
				return 0
			}
			whole = false
		}
		if !more {
			if whole {
				in.Done(nil)
				return used
			}
			break
		}
	}
	in.Abort()
	in.Bad()
	return used
}
