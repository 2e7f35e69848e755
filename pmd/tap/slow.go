package tap

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// A write runs the receiver's network stack on the worker's thread: a namespace
// with ten thousand rules would take the CPU from all other receivers. So one Send
// in sampleEvery is timed. A port whose samples were slow, strikeOut more of them
// than were not, gets a part of the time only while there are others, and what it
// cannot take in that is dropped as Full.
const (
	sampleEvery = 16
	strikeOut   = 4
	// maxStrikes is what a slow port gathers: it needs several frames that are
	// not slow to be one like others, for the thread's clock is not exact where a
	// hypervisor takes time.
	maxStrikes = 2 * strikeOut
	// slowFrame is CPU time for a frame of up to frameUnit bytes: ten times what
	// a plain namespace takes.
	slowFrame = 15 * time.Microsecond
	frameUnit = 4096
	// A slow port's part of the thread's CPU time, and how much it may save up.
	slowPart   = 4
	slowCredit = time.Millisecond
	// otherSends is how many Sends ago another port was sent to that counts.
	otherSends = 1024
)

// pacer tells slow ports and bounds them. Worker only.
type pacer struct {
	sends uint64
	idles uint64 // steps in which no TAP had frames: there is time for all
	last  *txSlot
	other uint64 // the last of sends in which not all frames were for one port
}

// pace is what a pacer knows of a port.
type pace struct {
	strikes int
	credit  time.Duration
	filled  time.Duration // the thread's time when credit was added
	idles   uint64        // the pacer's
}

// slow reports that x is to be bounded.
func (p *pacer) slow(x *txSlot) bool { return x.pace.strikes >= strikeOut }

// turn notes that x has frames to send.
func (p *pacer) turn(x *txSlot) {
	if p.last != x {
		p.last, p.other = x, p.sends
	}
}

// crowded reports that other ports than one were sent to lately.
func (p *pacer) crowded() bool { return p.sends-p.other < otherSends }

// judge looks at how long a port took for so many units of frames.
func (p *pace) judge(took time.Duration, units int) {
	if took < time.Duration(units)*slowFrame {
		p.strikes = max(p.strikes-1, 0)
	} else {
		p.strikes = min(p.strikes+1, maxStrikes)
	}
}

// fill adds to the credit what x may use of the time since the last call: all of
// it, if the worker had nothing else to do since.
func (p *pacer) fill(x *txSlot) {
	now := threadTime()
	x.pace.credit = min(x.pace.credit+(now-x.pace.filled)/slowPart, slowCredit)
	if x.pace.idles != p.idles {
		x.pace.credit = slowCredit
	}
	x.pace.filled, x.pace.idles = now, p.idles
}

// units is how much work m is.
func units(m *pmd.Mbuf) int { return 1 + m.Len()/frameUnit }

// writeTimed is write, with a look at the time that it takes.
func (s *PollSet) writeTimed(x *txSlot, pkts []*pmd.Mbuf) {
	begin, work := threadTime(), 0
	for _, m := range pkts {
		work += units(m)
	}
	s.writeAll(x, pkts)
	x.pace.judge(threadTime()-begin, work)
}

// writeSlow is writeAll for a slow port: frame by frame, while it has time.
func (s *PollSet) writeSlow(x *txSlot, pkts []*pmd.Mbuf) {
	var t pmd.QueueStats
	s.pacer.fill(x)
	for len(pkts) > 0 {
		n := min(len(pkts), offload.MaxMerge)
		for f := range s.gather(x, pkts[:n]) {
			s.writePaced(x, pkts[:n], f, &t)
		}
		for _, m := range pkts[:n] {
			s.v.Drop(m)
		}
		pkts = pkts[n:]
	}
	x.q.stats.add(t)
}

// writePaced is write, unless x has used up its time.
func (s *PollSet) writePaced(x *txSlot, pkts []*pmd.Mbuf, f int, t *pmd.QueueStats) {
	work, packets := s.work(pkts, f)
	if x.pace.credit <= 0 && s.pacer.crowded() {
		t.Full += uint64(packets)
		return
	}
	begin := threadTime()
	s.write(x, pkts, f, t)
	took := threadTime() - begin
	x.pace.credit -= took
	x.pace.judge(took, work)
}

// threadTime is the CPU time that the thread has used.
func threadTime() time.Duration {
	var ts unix.Timespec
	unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_THREAD_CPUTIME_ID, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}
