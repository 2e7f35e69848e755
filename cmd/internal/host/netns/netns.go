// Package netns finds Linux network namespaces and runs functions in them.
//
// An open descriptor of a namespace, and a socket opened in it, keep it alive,
// and with it every interface inside. So descriptors here are plain ints that
// the caller closes as soon as the operation is done, and nothing of this
// package keeps one.
package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is where iproute2 and container runtimes mount named namespaces.
const Dir = "/run/netns"

// Here stands for the calling thread's namespace where a descriptor is wanted.
const Here = -1

// ErrNotFound is wrapped when no namespace of that name, pid or identity is
// reachable.
var ErrNotFound = errors.New("no such network namespace")

// ID is a namespace's identity: device and inode of its nsfs file. It is unique
// while the namespace lives and can be reused after it.
type ID struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}

// String is the name the kernel gives in /proc/PID/ns/net.
func (id ID) String() string { return fmt.Sprintf("net:[%d]", id.Ino) }

// IDOf is the identity of the namespace open as fd, or of Here.
func IDOf(fd int) (ID, error) {
	if fd == Here {
		return idAt("/proc/thread-self/ns/net")
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return ID{}, fmt.Errorf("netns descriptor %d: fstat: %w", fd, err)
	}
	return ID{st.Dev, st.Ino}, nil
}

func idAt(path string) (ID, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return ID{}, fmt.Errorf("netns %s: stat: %w", path, err)
	}
	return ID{st.Dev, st.Ino}, nil
}

// Open opens a namespace by name (under /run/netns), path (with a slash) or
// process id. The caller closes the descriptor.
func Open(ref string) (int, error) {
	path := ref
	if !strings.Contains(ref, "/") {
		path = filepath.Join(Dir, ref)
		if _, err := os.Stat(path); err != nil {
			// A namespace may be called 1234: the name wins over the pid, as
			// in `ip link set netns`.
			if pid, err := strconv.Atoi(ref); err == nil && pid > 0 {
				path = fmt.Sprintf("/proc/%d/ns/net", pid)
			}
		}
	}
	fd, err := openPath(path)
	if errors.Is(err, unix.ENOENT) {
		return -1, fmt.Errorf("netns %q: %w", ref, ErrNotFound)
	}
	if err != nil {
		return -1, fmt.Errorf("netns %q: open %s: %w", ref, path, err)
	}
	return fd, nil
}

// Current opens the calling thread's namespace. The caller closes the
// descriptor.
func Current() (int, error) { return openPath("/proc/thread-self/ns/net") }

// openPath opens path and refuses a file that is not a network namespace, which
// setns would only notice later.
func openPath(path string) (int, error) {
	// A FIFO that somebody names would wait for a writer.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWNET {
		unix.Close(fd)
		return -1, fmt.Errorf("not a network namespace: %w", unix.EINVAL)
	}
	return fd, nil
}
