package peer

import (
	"unsafe"

	"ipvd/pmd"
)

// MaxRow is the most packets that a row has.
const MaxRow = 64

// Row is where packets lie, or are to lie, in a part of the peer's memory that has them all:
// how far behind its start, and how many bytes. Whoever fills it in has seen to that. In a
// loop that does nothing but copy many packets are under way at a time.
type Row [MaxRow]struct{ At, N uint32 }

// TakeRow takes the first n packets of Row, which RowRoom has allowed and which lie in b.
func (in *Intake) TakeRow(b []byte, n int) {
	v, bytes, from := in.v, uint64(0), unsafe.Pointer(unsafe.SliceData(b))
	stock := v.Stock[v.NStock-n : v.NStock]
	for i, m := range stock {
		r := &in.Row[i&(MaxRow-1)]
		to, src, k := m.Start(), unsafe.Add(from, r.At), int(r.N)
		if short(k) {
			(*words)(to).set((*words)(src))
			(*words)(unsafe.Add(to, k-32)).set((*words)(unsafe.Add(src, k-32)))
		} else {
			move(to, src, k)
		}
		m.Filled(k)
		bytes += uint64(k)
	}
	// Until the last was copied they were the stock's: a fault loses none.
	copy(v.Pkts[v.N:v.N+n], stock)
	v.NStock -= n
	v.N += n
	in.left -= n
	in.t.Packets += uint64(n)
	in.t.Bytes += bytes
}

// PutRow copies packets, each of which is one segment of N bytes, into b, where the first
// skip bytes of each place are left as they are.
func (r *Row) PutRow(b []byte, skip int, pkts []*pmd.Mbuf) {
	to := unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), skip)
	for i, m := range pkts {
		at := &r[i&(MaxRow-1)]
		dst, src, k := unsafe.Add(to, at.At), m.Start(), int(at.N)
		if short(k) {
			(*words)(dst).set((*words)(src))
			(*words)(unsafe.Add(dst, k-32)).set((*words)(unsafe.Add(src, k-32)))
		} else {
			move(dst, src, k)
		}
	}
}

// short tells frames of 32 to 64 bytes, of which there are many and many a second: they are
// copied as two overlapping pieces of 32, in place. A call would cost as much as that, and
// all that the caller has in registers.
func short(n int) bool { return uint(n-32) <= 32 }

// words are 32 bytes. They are set one by one: for an array the compiler calls memmove,
// since it cannot know that there is no overlap.
type words [4]uint64

func (to *words) set(from *words) {
	to[0] = from[0]
	to[1] = from[1]
	to[2] = from[2]
	to[3] = from[3]
}

// move copies n bytes to where none of them is.
func move(to, from unsafe.Pointer, n int) {
	copy(unsafe.Slice((*byte)(to), n), unsafe.Slice((*byte)(from), n))
}
