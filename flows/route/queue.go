package route

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
)

const (
	queueCount = 4096
	// queueLen is how many packets the kernel is given for a neighbour that it has
	// to find: it keeps about as many full ones until there is an answer
	// (neigh/default/unres_qlen_bytes, 208 KB).
	queueLen = 64
	// giveUp is after how many ticks a neighbour is asked for anew: the kernel asks
	// three times, a second apart (neigh/default/mcast_solicit).
	giveUp = 4 * TicksPerSecond
	// again is after how many ticks a neighbour that did not answer is asked for
	// again.
	again = TicksPerSecond
)

// queues bound what the kernel is given to queue, by neighbour. Neighbours share a
// queue by chance, which whoever does not know the keys cannot bring about.
type queues struct {
	key    [2]uint64
	counts [queueCount]atomic.Uint64 // the tick of the first packet, and their number
}

func (q *queues) init() {
	var b [16]byte
	rand.Read(b[:]) // never fails
	q.key = [2]uint64{binary.NativeEndian.Uint64(b[:]) | 1, binary.NativeEndian.Uint64(b[8:]) | 1}
}

// hash is 32 bits of a keyed hash.
func (q *queues) hash(a, b uint64) uint32 {
	h := (a ^ q.key[0]) * q.key[1]
	h ^= h >> 32
	h = (h + b) * q.key[1]
	h ^= h >> 29
	return uint32(h * q.key[0] >> 32)
}

// Queue asks whether the kernel may be given one more packet for the neighbour
// with address hi, lo, of which it has no MAC address: so it finds it. false: the
// packet is dropped. Any goroutine; two that ask at once may both be granted the
// last place.
func (f *FIB) Queue(hi, lo uint64, state State) bool {
	c, now := &f.queues.counts[f.queues.hash(hi, lo)%queueCount], f.now()
	w := c.Load()
	since, n := uint32(w>>32), uint32(w)
	switch {
	case n == 0 || now-since >= giveUp || state == Failed && now-since >= again:
		since, n = now, 0
	case state == Failed || n >= queueLen:
		return false
	}
	c.Store(uint64(since)<<32 | uint64(n+1))
	return true
}
