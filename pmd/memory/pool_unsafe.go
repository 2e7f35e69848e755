package memory

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// MaxFrame is the longest frame that can be put in, in bytes: an mbuf holds it.
const MaxFrame = math.MaxUint16 - pmd.Headroom

// pool is a pmd.Pool of mbufs that hold MaxFrame bytes each, outside the Go heap.
type pool struct {
	memory []byte // one mapping; the kernel gives pages when they are written
	size   int
	free   []*pmd.Mbuf
}

// stride is the memory of an mbuf with its buffer.
const stride = pmd.MbufSize + pmd.Headroom + MaxFrame + 1

func newPool(size int) (*pool, error) {
	mem, err := unix.Mmap(-1, 0, size*stride, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("map memory for %d mbufs: %w", size, err)
	}
	p := &pool{memory: mem, size: size}
	for i := size - 1; i >= 0; i-- {
		at := unsafe.Pointer(&mem[i*stride])
		m := pmd.MbufAt(at)
		pmd.InitMbuf(m, unsafe.Add(at, pmd.MbufSize), pmd.Headroom+MaxFrame, 0)
		p.free = append(p.free, m)
	}
	return p, nil
}

// Name is `memory`.
func (p *pool) Name() string { return "memory" }

// Size is the number of mbufs.
func (p *pool) Size() int { return p.size }

// DataRoom is MaxFrame.
func (p *pool) DataRoom() int { return MaxFrame }

// InUse is the number of mbufs that are not free.
func (p *pool) InUse() int { return p.size - len(p.free) }

func (p *pool) get() *pmd.Mbuf {
	n := len(p.free)
	if n == 0 {
		return nil
	}
	m := p.free[n-1]
	p.free = p.free[:n-1]
	return m
}

// put gives up one reference to m.
func (p *pool) put(m *pmd.Mbuf) {
	if m.DropRef() {
		m.Reset()
		p.free = append(p.free, m)
	}
}

func (p *pool) close() error {
	if err := unix.Munmap(p.memory); err != nil {
		return fmt.Errorf("unmap memory of %d mbufs: %w", p.size, err)
	}
	return nil
}
