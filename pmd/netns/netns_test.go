package netns_test

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/pmd/netns"
)

// newNetns opens a namespace that nothing but the descriptor keeps.
func newNetns(t *testing.T) int {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	fd := make(chan int)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
		}
		n, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
		}
		fd <- n
	}()
	ns := <-fd
	t.Cleanup(func() { unix.Close(ns) })
	return ns
}

func inode(t *testing.T) uint64 {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		t.Error(err)
	}
	return st.Ino
}

func TestDoRunsInTheNamespaceAndComesBack(t *testing.T) {
	first, second, home := newNetns(t), newNetns(t), inode(t)
	failed := errors.New("failed")
	err := netns.Do(first, func() error {
		outer := inode(t)
		if outer == home {
			t.Error("still at home")
		}
		if err := netns.Do(second, func() error {
			if in := inode(t); in == outer || in == home {
				t.Error("not in the second namespace")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if inode(t) != outer {
			t.Error("the inner call has moved the outer one")
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got error %v, want that of the function", err)
	}
	if inode(t) != home {
		t.Error("the caller's thread is elsewhere")
	}
}

func TestDoNamesADescriptorThatIsNoNamespace(t *testing.T) {
	called := false
	if err := netns.Do(-1, func() error { called = true; return nil }); !errors.Is(err, unix.EBADF) {
		t.Errorf("got %v, want EBADF", err)
	}
	if called {
		t.Error("the function ran nevertheless")
	}
}
