package netns

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Run calls f in the namespace open as ns and gives f's error. For Here it
// calls f on the calling thread. f must not start goroutines that rely on the
// namespace, nor unlock its thread; it may call Run again.
func Run(ns int, f func() error) error {
	if ns == Here {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		return f()
	}
	result := make(chan error, 1)
	go func() { result <- enter(ns, f) }()
	return <-result
}

// enter runs on a goroutine of its own, so that a thread that cannot go back
// stays locked and ends together with the goroutine.
func enter(ns int, f func() error) error {
	runtime.LockOSThread()
	home, err := Current()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the thread's netns: %w", err)
	}
	defer unix.Close(home)
	if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter netns (descriptor %d): %w", ns, err)
	}
	err = f()
	if back := unix.Setns(home, unix.CLONE_NEWNET); back == nil {
		runtime.UnlockOSThread()
	}
	return err
}
