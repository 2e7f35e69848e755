package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
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
	done := make(chan error)
	go func() { done <- inThread(ns, f) }()
	return <-done
}

// inThread does inNetns's work on the calling goroutine's thread. If the way
// back fails the goroutine stays locked, and the thread ends with it.
func inThread(ns *os.File, f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer home.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace: %w", err)
	}
	err = f()
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	return err
}
