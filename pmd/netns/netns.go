// Package netns runs functions in Linux network namespaces: ports are opened,
// changed and closed in the namespace of their device, while workers and the
// rest of the program stay where they are.
package netns

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do calls f in the network namespace open as fd, on a thread of its own, and
// gives f's error. f must not unlock its thread, nor start goroutines that rely
// on the namespace; it may call Do again.
func Do(fd int, f func() error) error {
	result := make(chan error, 1)
	go func() { result <- visit(fd, f) }()
	return <-result
}

// visit runs f in the namespace and returns from there. If that fails the
// thread stays locked and ends with its goroutine, so that nothing else runs on
// it.
func visit(fd int, f func() error) error {
	runtime.LockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the thread's network namespace: %w", err)
	}
	defer unix.Close(home)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace (descriptor %d): %w", fd, err)
	}
	result := f()
	if err := unix.Setns(home, unix.CLONE_NEWNET); err != nil {
		return errors.Join(result, fmt.Errorf("leave network namespace: %w", err))
	}
	runtime.UnlockOSThread()
	return result
}
