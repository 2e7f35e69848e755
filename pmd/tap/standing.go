package tap

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// standing is what frames are read into: nobody knows a frame's size before.
// What a read fills is replaced, the rest stays for the next read, of whichever
// TAP. Worker only.
type standing struct {
	segs []*pmd.Mbuf // nil where a read took it
	lens []int       // scratch for take
	room int         // of a segment in bytes; 0 before the first
	gap  int         // segs[gap:need] are all there
	need int         // segments that hold the longest frame, and a byte more
	// Of a long read: the virtio-net header of segs[0], and the room of all.
	long []unix.Iovec
	// Of a short one: the same of segs[0] alone, then rest.
	short [3]unix.Iovec
	rest  []byte
}

func (t *standing) init() {
	t.long = make([]unix.Iovec, maxSegs+1)
	t.segs = make([]*pmd.Mbuf, maxSegs)
	t.lens = make([]int, maxSegs)
	t.rest = make([]byte, maxFrame+1)
	t.gap, t.need = maxSegs, maxSegs
	setIovec(&t.short[2], t.rest)
}

// fill gives the iovecs to read a frame into, of any length or of one that
// rarely exceeds a segment; nil when the pool has too few mbufs.
func (t *standing) fill(v *pmd.Vector, long bool) []unix.Iovec {
	if t.segs[0] == nil && !t.supply(v, 0) {
		return nil
	}
	if !long {
		return t.short[:]
	}
	for i := 1; i < t.gap && i < t.need; i++ {
		if t.segs[i] == nil && !t.supply(v, i) {
			return nil
		}
	}
	t.gap = 1
	return t.long[:t.need+1]
}

// supply puts a fresh mbuf in place i.
func (t *standing) supply(v *pmd.Vector, i int) bool {
	m := v.Supply()
	if m == nil {
		return false
	}
	if t.room == 0 {
		t.room = m.Tailroom()
		t.need = min(maxFrame/t.room+1, maxSegs)
	}
	t.segs[i] = m
	setIovec(&t.long[i+1], m.Room())
	if i == 0 {
		t.long[0] = vnetIovec(m)
		t.short[0], t.short[1] = t.long[0], t.long[1]
	}
	return true
}

// take gives the frame of n bytes that was read, as a packet; nil when it did
// not fit. What a short read left in rest needs a fill for a long one before.
func (t *standing) take(n int, long bool) *pmd.Mbuf {
	m := t.segs[0]
	if n <= t.room {
		t.segs[0] = nil
		m.SetLen(n)
		return m
	}
	if n > maxFrame || n >= t.need*t.room {
		return nil
	}
	k := 0
	for left := n; left > 0; k++ {
		t.lens[k] = min(left, t.room)
		left -= t.lens[k]
	}
	m.Chain(t.segs[1:k], t.lens[:k])
	clear(t.segs[:k])
	t.gap = max(t.gap, k)
	if !long {
		rest := t.rest[:n-t.room]
		for s := m.Next(); s != nil; s = s.Next() {
			rest = rest[copy(s.Data(), rest):]
		}
	}
	return m
}

// drop gives the mbufs back.
func (t *standing) drop(v *pmd.Vector) {
	for i, m := range t.segs {
		if m != nil {
			v.Drop(m)
			t.segs[i] = nil
		}
	}
	t.gap = maxSegs
}

func setIovec(iov *unix.Iovec, b []byte) {
	iov.Base = unsafe.SliceData(b)
	iov.SetLen(len(b))
}

// vnetIovec is the virtio-net header beside m.
func vnetIovec(m *pmd.Mbuf) unix.Iovec { return headerIovec(m.Vnet()) }

func headerIovec(h *pmd.VnetHdr) unix.Iovec {
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(h))}
	iov.SetLen(vnetHdrLen)
	return iov
}
