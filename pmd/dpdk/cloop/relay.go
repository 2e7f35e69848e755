package cloop

/*
#include "cloop.h"
*/
import "C"

import (
	"fmt"
	"syscall"
)

// Relay hands on the frames of one TAP to another, both open as non-blocking
// descriptors, and sleeps in epoll_wait while there are none, until stop can be
// read. It gives how many it handed on. It needs no DPDK.
func Relay(from, to, stop int) (uint64, error) {
	var n C.uint64_t
	if errno := C.cloop_relay(C.int(from), C.int(to), C.int(stop), &n); errno != 0 {
		return uint64(n), fmt.Errorf("relay from descriptor %d to %d: %w", from, to, syscall.Errno(errno))
	}
	return uint64(n), nil
}
