package vhost

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
)

// memory is the frontend's, as its last table says.
type memory []area

// area is a part of it, by its address for the device and for the frontend.
type area struct {
	guest, user uint64
	bytes       []byte
}

// setMemory maps a new table in the place of the old one. Nothing runs.
func (l *link) setMemory(m *message) error {
	if len(m.body) < 8 {
		return m.short()
	}
	n := int(binary.LittleEndian.Uint32(m.body))
	if n < 1 || n > maxRegions || len(m.fds) != n || len(m.body) < 8+n*regionLen {
		return fmt.Errorf("%d regions (at most %d) with %d descriptors and %d bytes: %w", n, maxRegions, len(m.fds), len(m.body), unix.EINVAL)
	}
	l.Unmap()
	l.memory = nil
	for i := range n {
		b := m.body[8+i*regionLen:]
		guest, size := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		user, offset := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
		if guest+size < guest || user+size < user {
			return fmt.Errorf("region %d of %d bytes at %#x wraps: %w", i, size, guest, unix.EINVAL)
		}
		r, err := l.Share(m.fds[i], offset, size)
		if err != nil {
			return fmt.Errorf("region %d: %w", i, err)
		}
		l.memory = append(l.memory, area{guest, user, r.Bytes})
	}
	return nil
}

// part is the memory at a device's address, n bytes or what one area has of them;
// nil when there is none.
func (m memory) part(addr uint64, n uint32) []byte {
	for i := range m {
		a := &m[i]
		// Less than guest gives a number beyond any length.
		if at := addr - a.guest; at < uint64(len(a.bytes)) {
			b := a.bytes[at:]
			if uint64(n) < uint64(len(b)) {
				b = b[:n:n]
			}
			return b
		}
	}
	return nil
}

// areaOf is the area with n bytes at a device's address, and where in it; nil when there
// is none.
func (m memory) areaOf(addr uint64, n uint32) (a *area, at uint64) {
	for i := range m {
		a := &m[i]
		if at := addr - a.guest; at < uint64(len(a.bytes)) && uint64(len(a.bytes))-at >= uint64(n) {
			return a, at
		}
	}
	return nil, 0
}

// find is the area with n bytes at a frontend's address, and where in it.
func (m memory) find(addr, n uint64) (b []byte, at uint64, err error) {
	for i := range m {
		a := &m[i]
		if at := addr - a.user; at < uint64(len(a.bytes)) && uint64(len(a.bytes))-at >= n {
			return a.bytes, at, nil
		}
	}
	return nil, 0, fmt.Errorf("%d bytes at %#x are not in the memory that was shared: %w", n, addr, unix.EFAULT)
}

// newRing makes what a worker uses of a ring.
func (l *link) newRing(v *vring) (*ring, error) {
	r := &ring{memory: l.memory, num: v.num, next: v.base, bell: v.bell, headerLen: 10}
	if l.features&(fMergeable|fVersion1) != 0 {
		r.headerLen = 12
	}
	r.mergeable = l.features&fMergeable != 0
	if l.features&fGuestCsum != 0 {
		r.offloads.csum = true
		r.offloads.tso = l.features&fGuestTSO4 != 0 && l.features&fGuestTSO6 != 0
	}
	num := uint64(v.num)
	b, at, err := l.memory.find(v.desc, num*16)
	if err != nil {
		return nil, fmt.Errorf("descriptors: %w", err)
	}
	var ok [4]bool
	r.cells, ok[0] = peer.CellsAt(b, at, v.num)
	if b, at, err = l.memory.find(v.avail, 4+2*num); err != nil {
		return nil, fmt.Errorf("available ring: %w", err)
	}
	r.avail, ok[1] = peer.WordAt(b, at)
	r.availRing, ok[2] = peer.HalvesAt(b, at+4, v.num)
	if b, at, err = l.memory.find(v.used, 4+8*num); err != nil {
		return nil, fmt.Errorf("used ring: %w", err)
	}
	r.used, ok[3] = peer.WordAt(b, at)
	r.usedRing = b[at+4 : at+4+8*num]
	if ok != [4]bool{true, true, true, true} {
		return nil, fmt.Errorf("rings at %#x, %#x and %#x are not aligned: %w", v.desc, v.avail, v.used, unix.EINVAL)
	}
	r.usedNow = uint16(r.used.Load() >> 16)
	v.ring = r
	return r, nil
}
