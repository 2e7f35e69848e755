package rawip

import (
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// Reasons say why packets were refused. Each refused packet is in exactly one.
type Reasons struct {
	NoRoute   uint64 // no route, or one that forbids (ENETUNREACH, EHOSTUNREACH, EACCES)
	Filtered  uint64 // dropped by netfilter (EPERM)
	Malformed uint64 // no IPv4 or IPv6 packet, or one that cannot be sent as it is
	Other     uint64 // refused by the kernel with another error
}

// queue is a port's TX queue.
type queue struct {
	port  *Port
	stats counters
}

// Port is the port that the queue belongs to.
func (q *queue) Port() pmd.Port { return q.port }

// Index is 0.
func (q *queue) Index() int { return 0 }

// Stats reads the counters, from any goroutine. A packet that was sent in
// fragments is one packet.
func (q *queue) Stats() pmd.QueueStats {
	c := &q.stats
	r := c.reasons()
	return pmd.QueueStats{
		Packets: c.packets.Load(), Bytes: c.bytes.Load(), Full: c.full.Load(), TooBig: c.tooBig.Load(),
		Refused: r.NoRoute + r.Filtered + r.Malformed + r.Other, Segmented: c.segmented.Load(),
	}
}

// counters are added to once a burst: several workers may share a queue.
type counters struct {
	packets, bytes, full, tooBig, segmented atomic.Uint64
	noRoute, filtered, malformed, refused   atomic.Uint64
}

func (c *counters) reasons() Reasons {
	return Reasons{c.noRoute.Load(), c.filtered.Load(), c.malformed.Load(), c.refused.Load()}
}

// tally counts the packets of one burst.
type tally struct {
	packets, bytes, full, tooBig, segmented uint64
	failed                                  bool // something besides packets and bytes
	Reasons
}

func (c *counters) add(t *tally) {
	c.packets.Add(t.packets)
	c.bytes.Add(t.bytes)
	if t.segmented > 0 {
		c.segmented.Add(t.segmented)
	}
	if t.failed {
		c.full.Add(t.full)
		c.tooBig.Add(t.tooBig)
		c.noRoute.Add(t.NoRoute)
		c.filtered.Add(t.Filtered)
		c.malformed.Add(t.Malformed)
		c.refused.Add(t.Other)
	}
}

// sent counts a packet of a frame of n bytes.
func (t *tally) sent(n int) {
	t.packets++
	t.bytes += uint64(n)
}

// drop counts a packet that could not be sent.
func (t *tally) drop(errno syscall.Errno) {
	t.failed = true
	switch errno {
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		t.full++
	case unix.EMSGSIZE:
		t.tooBig++
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES:
		t.NoRoute++
	case unix.EPERM:
		t.Filtered++
	case errMalformed:
		t.Malformed++
	default:
		t.Other++
	}
}
