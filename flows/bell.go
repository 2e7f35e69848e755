package flows

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// bell wakes a worker that sleeps: an eventfd, which stays readable until the
// worker has read it.
type bell struct {
	fd    int
	begin time.Time
	// asleep is set while the worker is between two steps and looks at nothing
	// that the control plane publishes: it counts as having left its step.
	asleep atomic.Bool
	due    atomic.Int64 // ns since begin when it was rung, until the worker knows; 0: not rung
}

func newBell() (*bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &bell{fd: fd, begin: time.Now()}, nil
}

// ring wakes the worker if it sleeps. One that is about to sleep looks for what
// was published before it was rung, after it has said that it sleeps.
func (b *bell) ring() {
	if b == nil || !b.asleep.Load() {
		return
	}
	b.due.CompareAndSwap(0, int64(b.now()))
	one := [8]byte{1}
	// It cannot fail: the counter holds 2^64-2 rings that nobody has heard.
	_, _ = unix.Write(b.fd, one[:])
}

// heard takes the rings, and gives when the first of them was due; 0 if that is
// not known. Worker only.
func (b *bell) heard() time.Duration {
	var n [8]byte
	_, _ = unix.Read(b.fd, n[:])
	return time.Duration(b.due.Swap(0))
}

// now is a clock of this bell.
func (b *bell) now() time.Duration { return time.Since(b.begin) }

func (b *bell) close() {
	if b != nil {
		unix.Close(b.fd)
	}
}
