package watch

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

// ring is a queue of records between one writer, a worker, and one reader. It
// never waits: a record that finds no room is lost.
type ring struct {
	buf  []byte // a power of two long
	head atomic.Uint64
	_    [7]uint64 // the writer's and the reader's words in cache lines of their own
	tail atomic.Uint64
	_    [7]uint64
	lost atomic.Uint64 // records
	at   uint64        // writer only: where the record that was begun goes on
}

// recordLen is the length in bytes that stands before each record.
const recordLen = 4

func newRing(size int) *ring { return &ring{buf: make([]byte, 1<<bits.Len(uint(size-1)))} }

// begin begins a record of n bytes, which put then adds in parts; false when it is
// lost.
func (r *ring) begin(n int) bool {
	r.at = r.head.Load()
	if r.at+uint64(n)+recordLen-r.tail.Load() > uint64(len(r.buf)) {
		r.lost.Add(1)
		return false
	}
	var length [recordLen]byte
	binary.LittleEndian.PutUint32(length[:], uint32(n))
	r.put(length[:])
	return true
}

func (r *ring) put(b []byte) {
	at := r.at & uint64(len(r.buf)-1)
	n := copy(r.buf[at:], b)
	copy(r.buf, b[n:])
	r.at += uint64(len(b))
}

// end gives the record that was begun, all of which must be there, to the reader.
func (r *ring) end() { r.head.Store(r.at) }

// get gives a copy of the oldest record, nil when there is none.
func (r *ring) get() []byte {
	tail := r.tail.Load()
	if tail == r.head.Load() {
		return nil
	}
	var length [recordLen]byte
	r.copyAt(length[:], tail)
	b := make([]byte, binary.LittleEndian.Uint32(length[:]))
	r.copyAt(b, tail+recordLen)
	r.tail.Store(tail + recordLen + uint64(len(b)))
	return b
}

func (r *ring) copyAt(b []byte, at uint64) {
	n := copy(b, r.buf[at&uint64(len(r.buf)-1):])
	copy(b[n:], r.buf)
}
