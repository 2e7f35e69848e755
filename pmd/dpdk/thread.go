package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"ipvd/pmd/netns"
)

// Register makes the calling thread, which must be locked (LockOSThread), a
// worker with an lcore id and so with a cache in every pool. The function it
// returns undoes that on the same thread. Registering a thread twice is an
// error.
func (r *Runtime) Register() (unregister func(), err error) {
	switch ret := C.ipvd_register(); syscall.Errno(-ret) {
	case 0:
		return func() { C.ipvd_unregister() }, nil
	case unix.EEXIST:
		return nil, errors.New("register worker: the thread is registered already")
	case unix.ENOMEM, unix.ENOSPC:
		return nil, errors.New("register worker: all lcore ids of DPDK (RTE_MAX_LCORE) are taken")
	default:
		return nil, fmt.Errorf("register worker: %w", errno(ret))
	}
}

// inNetns runs f on a thread in the namespace ns, or where it is if ns is nil.
// Drivers of kernel interfaces look these up by name in the namespace of the
// calling thread.
func inNetns(ns *os.File, f func() error) error {
	if ns == nil {
		return f()
	}
	return netns.Do(int(ns.Fd()), f)
}
