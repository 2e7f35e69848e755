package memif

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/peer"
)

// A ring's layout (memif.h of VPP, memif_ring_t): cookie, flags and head in one
// cache line, tail in the next, descriptors from the third on.
const (
	cookie    = 0x3e31f20
	cookieAt  = 0
	flagsAt   = 4 // low half: flags, of the receiver; high half: head, of the client
	tailAt    = 64
	headerLen = 128
	cellLen   = 16
	pageLen   = 4096

	// maskInterrupt: the receiver looks by itself (MEMIF_RING_FLAG_MASK_INT).
	maskInterrupt = 1
	// moreFollows: the packet goes on in the next slot (MEMIF_DESC_FLAG_NEXT).
	moreFollows = 1
)

// ring is one way of a link. Worker only, once it is up.
//
// A descriptor is two words of 64 bits: flags 16, region 16, length 32; offset 32,
// metadata 32.
type ring struct {
	first      peer.Word // the cookie
	head, tail peer.Word // head shares its word with the flags
	cells      peer.Cells
	slots      uint32
	next       uint16 // slot that is taken or filled next

	// A server finds buffers by what the client's descriptors say.
	regions []*peer.Region
	// A client has them in a row, and never reads where it once wrote that they are:
	// the server can write there.
	own   []byte
	ownAt uint32 // where own is in region 0
	size  uint32 // bytes of one of them

	event int        // by which the peer tells; -1: it does not
	bell  *peer.Bell // by which we tell; nil: we do not
	fence peer.Fence
}

var (
	_ peer.Receiver = (*ring)(nil)
	_ peer.Sender   = (*ring)(nil)
)

func newRing(b []byte, at uint64, log uint8) (*ring, error) {
	r := &ring{slots: 1 << log, event: -1}
	var ok [4]bool
	r.head, ok[0] = peer.WordAt(b, at+flagsAt)
	r.tail, ok[1] = peer.WordAt(b, at+tailAt)
	r.cells, ok[2] = peer.CellsAt(b, at+headerLen, r.slots)
	r.first, ok[3] = peer.WordAt(b, at+cookieAt)
	if ok != [4]bool{true, true, true, true} {
		return nil, fmt.Errorf("ring of %d slots at %d is not in its region of %d bytes, or not aligned: %w", r.slots, at, len(b), unix.EINVAL)
	}
	return r, nil
}

// lay prepares a client's ring.
func (r *ring) lay() {
	r.first.Store(cookie)
	for i := range r.slots {
		r.cells.Store(i, uint64(r.size)<<32, uint64(r.ownAt+i*r.size))
	}
}

// offer gives all buffers of a client's ring to the server to fill. DPDK's sets both
// numbers to 0 when it connects.
func (r *ring) offer() { r.head.StoreHigh(uint16(r.slots)) }

func (r *ring) headNow() uint16 { return uint16(r.head.Load() >> 16) }
func (r *ring) tailNow() uint16 { return uint16(r.tail.Load()) }

// Wake says whether the sender is to tell.
func (r *ring) Wake(on bool) {
	flags := uint16(maskInterrupt)
	if on {
		flags = 0
	}
	r.head.StoreLow(flags)
	r.fence.Full()
}

// ahead is how many slots the peer is ahead of next, going by its number.
func (r *ring) ahead(number uint16) (uint32, error) {
	n := uint32(number - r.next)
	if n > r.slots {
		return 0, fmt.Errorf("ring of %d slots: the peer's number %d is %d ahead of ours", r.slots, number, n)
	}
	return n, nil
}

// cell reads slot i: the buffer, and whether the packet goes on. A length beyond a
// client's buffer, or a place outside a server's regions, gives false.
func (r *ring) cell(i uint16) (b []byte, more, ok bool) {
	lo, hi := r.cells.Load(uint32(i))
	length, more := uint32(lo>>32), lo&moreFollows != 0
	if r.own != nil {
		at := (uint32(i) & (r.slots - 1)) * r.size
		if length > r.size {
			return nil, more, false
		}
		return r.own[at : at+length : at+r.size], more, true
	}
	region, at := int(lo>>16&0xffff), uint64(uint32(hi))
	if region >= len(r.regions) {
		return nil, more, false
	}
	all := r.regions[region].Bytes
	if end := at + uint64(length); end <= uint64(len(all)) {
		return all[at:end:end], more, true
	}
	return nil, more, false
}

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
// of the first, and gives their number: all, as a rule.
func (r *ring) putRow(pkts []*pmd.Mbuf, t *pmd.QueueStats) int {
	b, first, bytes, k := r.own, uint16(0), uint64(0), 0
	for ; k < len(pkts); k++ {
		m, slot := pkts[k], uint32(r.next)
		n := uint32(m.DataLen())
		at, length, region := (slot&(r.slots-1))*r.size, r.size, uint16(0)
		told := r.ownAt + at
		if r.own == nil {
			lo, hi := r.cells.Load(slot)
			length, at, region = uint32(lo>>32), uint32(hi), uint16(lo>>16)
			told = at
			if b == nil || region != first {
				if k > 0 || int(region) >= len(r.regions) {
					break
				}
				b, first = r.regions[region].Bytes, region
			}
		}
		if !m.Whole() || n > length || uint64(at)+uint64(n) > uint64(len(b)) {
			break
		}
		copy(b[at:at+n], m.Data())
		r.cells.Store(slot, uint64(region)<<16|uint64(n)<<32, uint64(told))
		r.next++
		bytes += uint64(n)
	}
	t.Packets += uint64(k)
	t.Bytes += bytes
	return k
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
