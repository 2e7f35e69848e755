package peer

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Word is 32 bits in memory that the peer shares. Zero is none.
type Word struct{ at *uint32 }

// WordAt is the word at off in b, which must be a multiple of 4 there; false when
// it is not.
func WordAt(b []byte, off uint64) (Word, bool) {
	if off > uint64(len(b)) || uint64(len(b))-off < 4 {
		return Word{}, false
	}
	p := unsafe.Pointer(&b[off])
	return Word{(*uint32)(p)}, uintptr(p)%4 == 0
}

// Load reads it; what the peer wrote before it wrote the word can be read then.
func (w Word) Load() uint32 { return atomic.LoadUint32(w.at) }

// Store writes it, after all that was written before, and before anything that is
// read afterwards.
func (w Word) Store(v uint32) { atomic.StoreUint32(w.at, v) }

// StoreLow and StoreHigh write a half of it, whose other half is the peer's, after
// all that was written before: this machine keeps the order of writes. See Fence.
func (w Word) StoreLow(v uint16) { *(*uint16)(unsafe.Pointer(w.at)) = v }

// StoreHigh is StoreLow for the upper half.
func (w Word) StoreHigh(v uint16) { *(*uint16)(unsafe.Add(unsafe.Pointer(w.at), 2)) = v }

// Fence makes what was written before seen before anything is read afterwards.
type Fence struct{ word uint32 }

// Full is the fence.
func (f *Fence) Full() { atomic.StoreUint32(&f.word, 0) }

// Cells are descriptors of 16 bytes in memory that the peer shares.
type Cells struct {
	at unsafe.Pointer
	n  uint32
}

// CellsAt are n cells at off in b, which must be a multiple of 8 there; false when
// it is not.
func CellsAt(b []byte, off uint64, n uint32) (Cells, bool) {
	if off > uint64(len(b)) || uint64(len(b))-off < uint64(n)*16 || n == 0 {
		return Cells{}, false
	}
	p := unsafe.Pointer(&b[off])
	return Cells{p, n}, uintptr(p)%8 == 0
}

// Load reads cell i, each half once. i must be less than the number of cells, a
// power of two.
func (c Cells) Load(i uint32) (lo, hi uint64) {
	p := unsafe.Add(c.at, uintptr(i&(c.n-1))*16)
	return atomic.LoadUint64((*uint64)(p)), atomic.LoadUint64((*uint64)(unsafe.Add(p, 8)))
}

// Store writes cell i.
func (c Cells) Store(i uint32, lo, hi uint64) {
	p := unsafe.Add(c.at, uintptr(i&(c.n-1))*16)
	*(*uint64)(p), *(*uint64)(unsafe.Add(p, 8)) = lo, hi
}

// writeEight is write(2) of an eventfd that never blocks: of ours.
func writeEight(fd int, one *uint64) {
	unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(one)), 8)
}

// drainEvents takes what epoll would report, without waiting.
func drainEvents(epfd int, events []unix.EpollEvent) {
	unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
}

// Halves are numbers of 16 bits in memory that the peer shares, each read once.
type Halves struct {
	at unsafe.Pointer
	n  uint32
}

// HalvesAt are n numbers at off in b, which must be a multiple of 2 there; false when
// it is not.
func HalvesAt(b []byte, off uint64, n uint32) (Halves, bool) {
	if off > uint64(len(b)) || uint64(len(b))-off < uint64(n)*2 || n == 0 {
		return Halves{}, false
	}
	p := unsafe.Pointer(&b[off])
	return Halves{p, n}, uintptr(p)%2 == 0
}

// Load reads number i, modulo their number, a power of two.
func (h Halves) Load(i uint32) uint16 {
	return *(*uint16)(unsafe.Add(h.at, uintptr(i&(h.n-1))*2))
}
