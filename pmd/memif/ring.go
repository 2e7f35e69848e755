package memif

import (
	"fmt"

	"golang.org/x/sys/unix"

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

	sent peer.Row // of the packets that are being sent

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
