package vhost

import (
	"encoding/binary"

	"ipvd/pmd"
	"ipvd/pmd/peer"
)

// rxRing is a ring by which the driver sends.
type rxRing ring

var _ peer.Receiver = (*rxRing)(nil)

// Wake says whether the driver is to tell.
func (q *rxRing) Wake(on bool) {
	r := (*ring)(q)
	r.silent = noNotify
	if on {
		r.silent = 0
	}
	r.used.Store(uint32(r.silent) | uint32(r.usedNow)<<16)
}

// Receive takes packets that the driver has made available.
func (q *rxRing) Receive(in *peer.Intake) error {
	r := (*ring)(q)
	n, err := r.waiting()
	if n == 0 || err != nil {
		return err
	}
	begin := r.usedNow
	for ; n > 0 && in.Room(); n-- {
		if k := r.row(in, n); k > 0 {
			n -= k - 1
			continue
		}
		id := r.entry(r.next)
		if !r.packet(in, id) {
			break
		}
		r.next++
		r.giveBack(id, 0)
	}
	if r.usedNow != begin {
		r.publish()
	}
	return nil
}

// row takes packets of n entries as long as each is one descriptor in the area of the
// first, with nothing left to do, and gives their number: all, as a rule.
func (r *ring) row(in *peer.Intake, n uint32) uint32 {
	room, longest := in.RowRoom()
	room = min(room, int(n))
	var a *area
	k, header := 0, uint32(r.headerLen)
	var ids [peer.MaxRow]uint16
	for ; k < room; k++ {
		id := r.availRing.Load(uint32(r.next) + uint32(k))
		if uint32(id) >= r.num {
			break
		}
		addr, rest := r.cells.Load(uint32(id))
		length := uint32(rest)
		if uint16(rest>>32) != 0 || length < header || length-header > longest {
			break
		}
		if a == nil {
			if a, _ = r.memory.areaOf(addr, length); a == nil {
				break
			}
		}
		at := addr - a.guest
		// Row holds 32 bits.
		if at >= uint64(len(a.bytes)) || uint64(len(a.bytes))-at < uint64(length) || at > 1<<32-1<<17 || a.bytes[at]|a.bytes[at+1] != 0 {
			break
		}
		row := &in.Row[k&(peer.MaxRow-1)]
		row.At, row.N = uint32(at)+header, length-header
		ids[k&(peer.MaxRow-1)] = id
	}
	if k == 0 {
		return 0
	}
	in.TakeRow(a.bytes, k)
	for _, id := range ids[:k] {
		r.giveBack(uint32(id), 0)
	}
	r.next += uint16(k)
	return uint32(k)
}

// packet takes the packet of a chain; false when there are no mbufs for it. One that
// is malformed counts as an error.
func (r *ring) packet(in *peer.Intake, id uint32) bool {
	w := r.begin(id, false)
	var header [12]byte
	there, ok := w.fill(header[:r.headerLen])
	if !there || !ok {
		in.Bad()
		return true
	}
	h := pmd.VnetHdr{Flags: header[0], GSOType: header[1], HdrLen: binary.LittleEndian.Uint16(header[2:]),
		GSOSize: binary.LittleEndian.Uint16(header[4:]), CsumStart: binary.LittleEndian.Uint16(header[6:]),
		CsumOffset: binary.LittleEndian.Uint16(header[8:])}
	if len(w.b) == 0 {
		if there, ok = w.step(); !there || !ok {
			in.Bad()
			return true
		}
	}
	if !w.more && w.n == 0 && h.Flags|h.GSOType == 0 {
		return in.Take(w.b)
	}
	return w.parts(in, &h)
}

// fill copies the first bytes of the chain into b; there is false when it has too few.
func (w *walk) fill(b []byte) (there, ok bool) {
	for len(b) > 0 {
		if len(w.b) == 0 {
			if there, ok := w.step(); !there || !ok {
				return there, ok
			}
		}
		n := copy(b, w.b)
		b, w.b = b[n:], w.b[n:]
	}
	return true, true
}

// parts takes a packet of several parts, or with something left to do, from w.b on.
func (w *walk) parts(in *peer.Intake, h *pmd.VnetHdr) bool {
	if !in.Begin() {
		return false
	}
	for {
		if !in.Part(w.b) {
			if in.Starved() {
				return false
			}
			break
		}
		there, ok := w.step()
		if !ok {
			break
		}
		if !there {
			return in.Done(h)
		}
	}
	in.Abort()
	in.Bad()
	return true
}
