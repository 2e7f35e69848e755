package tap

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// standing is the vector that frames are read into: nobody knows a frame's size
// before. What a read fills is replaced, the rest stays for the next read, of
// whichever TAP. Worker only.
type standing struct {
	hdr  [vnetHdrLen]byte
	iov  []unix.Iovec // iov[0] is the header, iov[i+1] the room of segs[i]
	segs []*pmd.Mbuf  // nil where the last read took it
	lens []int        // scratch for take
	room int          // of a segment in bytes; 0 before the first
}

func (t *standing) init() {
	t.iov = make([]unix.Iovec, maxSegs+1)
	t.segs = make([]*pmd.Mbuf, maxSegs)
	t.lens = make([]int, maxSegs)
	setIovec(&t.iov[0], t.hdr[:])
}

// fill makes room for a frame of n bytes and at least one more, by which a read
// tells a frame that was cut off. It gives the iovecs to read into, nil when
// the stock has too few mbufs.
func (t *standing) fill(v *pmd.Vector, n int) []unix.Iovec {
	for i := 0; ; i++ {
		if t.room != 0 && (i*t.room > n || i == len(t.segs)) {
			return t.iov[:i+1]
		}
		if t.segs[i] != nil {
			continue
		}
		m := v.Alloc()
		if m == nil {
			return nil
		}
		t.room = m.Tailroom()
		t.segs[i] = m
		setIovec(&t.iov[i+1], m.Room())
	}
}

// take gives the frame of n bytes that was read, as a packet.
func (t *standing) take(n int) *pmd.Mbuf {
	m := t.segs[0]
	if n <= t.room {
		t.segs[0] = nil
		m.SetLen(n)
		return m
	}
	k := 0
	for ; n > 0; k++ {
		t.lens[k] = min(n, t.room)
		n -= t.lens[k]
	}
	m.Chain(t.segs[1:k], t.lens[:k])
	clear(t.segs[:k])
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
}

func setIovec(iov *unix.Iovec, b []byte) {
	iov.Base = unsafe.SliceData(b)
	iov.SetLen(len(b))
}

// holds reports whether a read of n bytes into segs segments left one whole
// frame without offloads there.
func (t *standing) holds(n, segs int) bool {
	const flags, gsoType = 0, 1 // offsets in the header (virtio 1.1, section 5.1.6)
	n -= vnetHdrLen
	return n >= etherLen && n < segs*t.room && t.hdr[flags]&needsCsum == 0 && t.hdr[gsoType] == 0
}
