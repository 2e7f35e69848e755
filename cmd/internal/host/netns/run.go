package netns

import (
	"runtime"

	"ipvd/pmd/netns"
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
	return netns.Do(ns, f)
}
