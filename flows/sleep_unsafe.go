package flows

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shortSleep is the longest sleep that the Go scheduler is not told of. Stopping
// the world may wait for it.
const shortSleep = time.Millisecond

// ppoll waits until one of fds is readable, for limit at most, or for a signal.
// expired says that it was the limit. Leaving and taking up the scheduler costs
// three times the CPU time of a short sleep.
func ppoll(fds []unix.PollFd, limit time.Duration) (expired bool) {
	t := unix.NsecToTimespec(int64(limit))
	if limit > shortSleep {
		n, err := unix.Ppoll(fds, &t, nil)
		return n == 0 && err == nil
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)),
		uintptr(unsafe.Pointer(&t)), 0, 0, 0)
	return n == 0 && errno == 0
}
