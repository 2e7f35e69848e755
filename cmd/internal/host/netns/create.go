package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Create makes a namespace called name, mounted under /run/netns as `ip netns
// add` does it, so that it outlives this process. The error wraps
// unix.EEXIST when the name is taken.
//
// The mount is made where process 1 sees it, or the oldest ancestor whose mounts
// may be entered: `ip netns exec` gives a program mounts of its own, which end
// with the program.
func Create(name string) error {
	err := inInitMounts(func() error { return create(name) })
	if err != nil {
		return fmt.Errorf("netns %s: %w", name, err)
	}
	fd, err := Open(name)
	if err == nil {
		return unix.Close(fd)
	}
	// Our mounts do not follow those of process 1.
	if err := Delete(name); err != nil {
		return err
	}
	if err := onThread(func() error { return create(name) }); err != nil {
		return fmt.Errorf("netns %s: %w", name, err)
	}
	return nil
}

// create runs on a thread that ends.
func create(name string) error {
	path := filepath.Join(Dir, name)
	if err := shareDir(); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return fmt.Errorf("create mount point: %w", err)
	}
	f.Close()
	if err := mountNew(path); err != nil {
		os.Remove(path)
		return err
	}
	return nil
}

func mountNew(path string) error {
	home, err := Current()
	if err != nil {
		return fmt.Errorf("open the thread's netns: %w", err)
	}
	defer unix.Close(home)
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("/proc/thread-self/ns/net", path, "none", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind mount on %s: %w", path, err)
	}
	// The thread can take a while to end; the namespace must not wait for it.
	return unix.Setns(home, unix.CLONE_NEWNET)
}

// onThread runs f on a thread that ends with it, since f changes what belongs to
// the thread.
func onThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		result <- f()
	}()
	return <-result
}

// inInitMounts runs f with the mounts of the oldest ancestor whose mounts may be
// entered, process 1 as a rule.
func inInitMounts(f func() error) error {
	return onThread(func() error {
		fd := ancestorMounts()
		if fd >= 0 {
			defer unix.Close(fd)
			// A thread that shares its root and folder with others may not enter.
			if unix.Unshare(unix.CLONE_FS) == nil {
				_ = unix.Setns(fd, unix.CLONE_NEWNS)
			}
		}
		return f()
	})
}

// ancestorMounts opens the mount namespace of the oldest ancestor that lets us,
// -1 when none does. The caller closes it.
func ancestorMounts() int {
	best := -1
	for pid := os.Getppid(); pid > 0; pid = parent(pid) {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if best >= 0 {
			unix.Close(best)
		}
		best = fd
	}
	return best
}

// parent is the process that started pid, 0 when there is none or it cannot be
// seen.
func parent(pid int) (ppid int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(line, "PPid:"); ok {
			ppid, _ = strconv.Atoi(strings.TrimSpace(n))
		}
	}
	return ppid
}

// shareDir makes /run/netns a shared mount, so that a namespace removed in one
// mount namespace is released in all (iproute2, ip/ipnetns.c).
func shareDir() error {
	if err := os.MkdirAll(Dir, 0o755); err != nil {
		return err
	}
	err := unix.Mount("", Dir, "none", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) { // EINVAL: not a mount point yet
		return err
	}
	if err := unix.Mount(Dir, Dir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind mount %s: %w", Dir, err)
	}
	return unix.Mount("", Dir, "none", unix.MS_SHARED|unix.MS_REC, "")
}

// Delete removes the name and its mount; the namespace ends when nothing else
// keeps it. A name that does not exist is no error.
func Delete(name string) error {
	path := filepath.Join(Dir, name)
	unmount := func() error {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && err != unix.EINVAL && err != unix.ENOENT {
			return fmt.Errorf("netns %s: unmount: %w", name, err)
		}
		return nil
	}
	if err := errors.Join(inInitMounts(unmount), unmount()); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("netns %s: %w", name, err)
	}
	return nil
}
