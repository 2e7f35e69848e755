package measure

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ThreadCPU is the CPU time that the calling thread, which must be locked, has
// used.
func ThreadCPU() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, fmt.Errorf("read the thread's CPU time: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// Turn times f, which does the work and says how much it was, by the CPU time of
// the calling thread, which must be locked.
func Turn(f func() (work uint64, err error)) (Sample, error) {
	before, err := ThreadCPU()
	if err != nil {
		return Sample{}, err
	}
	work, err := f()
	if err != nil {
		return Sample{}, err
	}
	after, err := ThreadCPU()
	return Sample{Work: work, CPU: after - before}, err
}
