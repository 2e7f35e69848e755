package pace

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Clock reads CLOCK_MONOTONIC, which all processes of a machine share, so that a
// packet's time of sending means the same to a receiver in another process.
type Clock struct {
	base   time.Time
	offset int64
}

// NewClock ties Go's monotonic time, which is read without a system call, to
// CLOCK_MONOTONIC. The error is that of clock_gettime(2).
func NewClock() (Clock, error) {
	var ts unix.Timespec
	base := time.Now()
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return Clock{}, fmt.Errorf("read the monotonic clock: %w", err)
	}
	return Clock{base: base, offset: ts.Nano()}, nil
}

// Now is the time in nanoseconds. Any goroutine.
func (c Clock) Now() int64 { return c.offset + int64(time.Since(c.base)) }
