package ipvlan

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
)

// learnRoom is how many addresses a worker may have seen that nobody has taken yet, a
// power of two.
const learnRoom = 64

// Learner is what a slave's frames tell of its addresses, for a port that has no
// interface to ask. Workers put addresses in and never wait: what has no room is
// counted and lost, and seen again with the slave's next frame of that kind.
type Learner struct {
	seen  []sightings   // by worker
	epoch atomic.Uint32 // see Renew
}

// sightings go from one worker to the control plane.
type sightings struct {
	head atomic.Uint32 // the worker has put in up to it
	tail atomic.Uint32 // the control plane has taken up to it
	at   [learnRoom]sighting
	_    [64]byte // the next one is another worker's
}

type sighting struct {
	hi, lo uint64 // IPv4: lo
	v4     bool
}

func (s sighting) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], s.hi)
	binary.BigEndian.PutUint64(b[8:], s.lo)
	if s.v4 {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return netip.AddrFrom16(b)
}

// NewLearner makes one for so many workers.
func NewLearner(workers int) *Learner { return &Learner{seen: make([]sightings, workers)} }

// Take gives the addresses that were seen since the last call, some of them more than
// once. One goroutine at a time.
func (l *Learner) Take(see func(netip.Addr)) {
	for i := range l.seen {
		s := &l.seen[i]
		head := s.head.Load()
		for t := s.tail.Load(); t != head; t++ {
			see(s.at[t%learnRoom].addr())
			s.tail.Store(t + 1)
		}
	}
}

// Renew makes workers tell once more of each address that a packet comes from: that it
// is in use.
func (l *Learner) Renew() { l.epoch.Add(1) }

// put is for the worker; false when there is no room.
func (s *sightings) put(a sighting) bool {
	h := s.head.Load()
	if h-s.tail.Load() == learnRoom {
		return false
	}
	s.at[h%learnRoom] = a
	s.head.Store(h + 1)
	return true
}
