package tap

import "time"

// A TAP costs a system call a packet and its receiver a wake-up a frame, unless
// packets that came together are written as one. While small ones come in a stream
// it is cheaper to let some gather: as an Ethernet interface does that moderates its
// interrupts (ethtool -C, rx-usecs).
const (
	// pause is how long: about what such an interface waits when it has much to do.
	pause = 100 * time.Microsecond
	// streamLen is how many packets in a row are a stream.
	streamLen = 16
	// streamGap is how many looks may find nothing between two of them: some 10 µs,
	// less than a peer that answers each packet takes.
	streamGap = 8
	// streamLeast is how many a pause must bring for the next one to be made.
	streamLeast = 3
	// longBytes is the mean length from which packets are no small ones: where bytes
	// are what costs, a pause gains nothing.
	longBytes = 1024
)

// stream tells a stream of small packets from others. Worker only.
type stream struct {
	packets int  // of the stream so far
	empty   int  // looks since the last of them that found nothing
	more    bool // the last look left some
	flows   bool // it is one
	paused  bool // the next look comes after a pause
}

// note takes in what a look has found; more says that it has not taken all.
func (s *stream) note(packets int, bytes uint64, more bool) {
	fewer := s.paused && packets < streamLeast
	s.more, s.paused = more, false
	if packets == 0 {
		s.empty++
		return
	}
	if s.empty > streamGap || bytes >= uint64(packets)*longBytes || fewer {
		s.packets = 0
	}
	s.empty = 0
	s.packets += packets
	s.flows = s.packets >= streamLen
}

// Gather asks for a pause while small packets come in a stream and all that came has
// been read.
func (s *PollSet) Gather() time.Duration {
	if !s.stream.flows || s.stream.more {
		return 0
	}
	s.stream.paused = true
	return pause
}
