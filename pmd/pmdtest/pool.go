package pmdtest

import (
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// DefaultRoom is the number of data bytes that an mbuf of Runtime.Pool holds
// behind the headroom, as RTE_MBUF_DEFAULT_BUF_SIZE gives.
const DefaultRoom = 2048

// poison overwrites the first data bytes of a freed mbuf, so that a use after
// free shows in what a test receives.
const poison = 0xdb

// Pool is a pmd.Pool that knows of each mbuf whether it is free.
type Pool struct {
	rt     *Runtime
	name   string
	room   int
	memory []byte // one mapping: size times struct rte_mbuf, headroom and room

	mu   sync.Mutex
	free []*pmd.Mbuf
	used []bool // by the mbuf's place in memory
}

var _ pmd.Pool = (*Pool)(nil)

func newPool(rt *Runtime, name string, size, room int, id uintptr) (*Pool, error) {
	stride := pmd.MbufSize + pmd.Headroom + room
	mem, err := unix.Mmap(-1, 0, size*stride, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("pool %s: map %d mbufs: %w", name, size, err)
	}
	p := &Pool{rt: rt, name: name, room: room, memory: mem, free: make([]*pmd.Mbuf, 0, size), used: make([]bool, size)}
	for i := size - 1; i >= 0; i-- {
		at := unsafe.Pointer(&mem[i*stride])
		m := pmd.MbufAt(at)
		pmd.InitMbuf(m, unsafe.Add(at, pmd.MbufSize), pmd.Headroom+room, id)
		p.free = append(p.free, m)
	}
	return p, nil
}

// Name is the pool's name.
func (p *Pool) Name() string { return p.name }

// Size is the number of mbufs, free or not.
func (p *Pool) Size() int { return len(p.used) }

// DataRoom is the number of data bytes that an mbuf holds behind the headroom.
func (p *Pool) DataRoom() int { return p.room }

// InUse is the number of mbufs that are not free, those in the stock of a
// vector included.
func (p *Pool) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.used) - len(p.free)
}

// Get takes a fresh mbuf, nil when none is left. The caller owns it and gives
// it back with Runtime.Free.
func (p *Pool) Get() *pmd.Mbuf {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil
	}
	m := p.free[n-1]
	p.free = p.free[:n-1]
	p.used[p.index(m)] = true
	return m
}

// put makes m, whose last reference was given up, free.
func (p *Pool) put(m *pmd.Mbuf) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(m)
	if !p.used[i] {
		p.rt.fault("pool %s: mbuf %d freed twice", p.name, i)
		return
	}
	p.used[i] = false
	m.Reset()
	for i, room := 0, m.Room(); i < min(64, len(room)); i++ {
		room[i] = poison
	}
	p.free = append(p.free, m)
}

func (p *Pool) index(m *pmd.Mbuf) int {
	return int(uintptr(unsafe.Pointer(m))-uintptr(unsafe.Pointer(&p.memory[0]))) / (len(p.memory) / len(p.used))
}

// close reports lost mbufs and, when there are none, frees the memory.
func (p *Pool) close() {
	if n := p.InUse(); n != 0 {
		p.rt.fault("pool %s: %d of %d mbufs lost", p.name, n, p.Size())
		return
	}
	if err := unix.Munmap(p.memory); err != nil {
		p.rt.fault("pool %s: unmap: %v", p.name, err)
	}
}
