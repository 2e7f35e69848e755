package vhost

import (
	"encoding/binary"
	"fmt"

	"ipvd/pmd"
	"ipvd/pmd/peer"
)

// Flags of the rings and of descriptors (linux/virtio_ring.h).
const (
	noInterrupt = 1 // of the available ring: the driver looks by itself
	noNotify    = 1 // of the used ring: we do
	moreFollows = 1 // of a descriptor
	forDevice   = 2 // of a descriptor: the device writes
	indirect    = 4
)

// ring is a split virtqueue (virtio 1.1, section 2.6). Worker only, once it runs.
//
// A descriptor is an address of 64 bits, and a word of length 32, flags 16, next 16.
type ring struct {
	memory    memory
	cells     peer.Cells
	avail     peer.Word // flags, and in the high half the driver's number
	availRing peer.Halves
	used      peer.Word // flags, and in the high half ours
	usedRing  []byte
	num       uint32
	next      uint16 // number of the entry that is taken next
	usedNow   uint16 // number of the entry that is given back next
	silent    uint16 // our flags

	headerLen int
	sent      peer.Row // of the packets that are being sent
	mergeable bool
	offloads  struct{ csum, tso bool } // what the driver takes

	bell *peer.Bell
	out  out
}

// waiting is how many entries the driver has made available.
func (r *ring) waiting() (uint32, error) {
	n := uint32(uint16(r.avail.Load()>>16) - r.next)
	if n > r.num {
		return 0, fmt.Errorf("ring of %d descriptors: the driver's number is %d ahead of ours", r.num, n)
	}
	return n, nil
}

// entry is the descriptor with which entry i begins.
func (r *ring) entry(i uint16) uint32 { return uint32(r.availRing.Load(uint32(i))) }

// giveBack puts a chain that begins with descriptor id into the used ring, of which
// n bytes were written. publish shows it to the driver.
func (r *ring) giveBack(id, n uint32) {
	at := (uint32(r.usedNow) & (r.num - 1)) * 8
	binary.LittleEndian.PutUint64(r.usedRing[at:], uint64(id)|uint64(n)<<32)
	r.usedNow++
}

// publish shows the driver what was given back, and tells it if it wants to be told.
func (r *ring) publish() {
	r.used.Store(uint32(r.silent) | uint32(r.usedNow)<<16) // a full fence as well
	if r.avail.Load()&noInterrupt == 0 && r.bell != nil {
		r.bell.Ring()
	}
}

// walk goes along a chain of descriptors.
type walk struct {
	r     *ring
	id    uint32 // of the next descriptor
	left  uint32 // descriptors that the chain may still have
	write bool   // of those for the device to write
	more  bool
	b     []byte // what is left of the current buffer's part
	addr  uint64 // where that ends
	n     uint32 // bytes of the buffer beyond it
}

func (r *ring) begin(id uint32, write bool) walk {
	return walk{r: r, id: id, left: r.num, write: write, more: true}
}

// step makes b the next part, not empty; false at the end of the chain. ok is false
// when the chain is malformed.
func (w *walk) step() (there, ok bool) {
	for {
		if w.n > 0 { // a buffer that goes on in another area
			w.b = w.r.memory.part(w.addr, w.n)
			if w.b == nil {
				return false, false
			}
			w.addr += uint64(len(w.b))
			w.n -= uint32(len(w.b))
			return true, true
		}
		if !w.more {
			return false, true
		}
		if w.left == 0 || w.id >= w.r.num {
			return false, false
		}
		w.left--
		addr, rest := w.r.cells.Load(w.id)
		flags := uint16(rest >> 32)
		if flags&indirect != 0 || (flags&forDevice != 0) != w.write {
			return false, false
		}
		w.more, w.id = flags&moreFollows != 0, uint32(rest>>48)
		w.addr, w.n = addr, uint32(rest)
	}
}

// wants reports which unfinished packets the driver takes.
func (r *ring) wants() (o pmd.Offloads) {
	if r.offloads.csum {
		o |= pmd.Checksum
	}
	if r.offloads.tso {
		o |= pmd.TSO
	}
	return o
}
