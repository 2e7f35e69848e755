package netns

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Name is what people call the namespace: its name under /run/netns, else
// `net:[inode]`.
func Name(id ID) string {
	if path := named(id); path != "" {
		return filepath.Base(path)
	}
	return id.String()
}

// named is the path of id under /run/netns, or empty.
func named(id ID) string {
	entries, err := os.ReadDir(Dir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		path := filepath.Join(Dir, e.Name())
		if got, err := idAt(path); err == nil && got == id {
			return path
		}
	}
	return ""
}

// OpenID opens the namespace with this identity if it has a name under
// /run/netns, another nsfs mount, or a process in it; otherwise the error wraps
// ErrNotFound. The caller closes the descriptor.
func OpenID(id ID) (int, error) {
	for _, find := range []func(ID) string{named, mounted, inhabited} {
		path := find(id)
		if path == "" {
			continue
		}
		fd, err := openPath(path)
		if err != nil {
			continue // gone between looking and opening
		}
		if got, err := IDOf(fd); err == nil && got == id {
			return fd, nil
		}
		unix.Close(fd)
	}
	return -1, fmt.Errorf("netns %v: %w", id, ErrNotFound)
}

// Orphaned reports that nothing but descriptors keeps the namespace: no mount
// of it is visible and no other process is in it. Whoever holds one of those
// descriptors by accident, as a TAP opened inside does, should let go.
func Orphaned(id ID) bool {
	return named(id) == "" && mounted(id) == "" && inhabited(id) == ""
}

// mounted is a mount point of id in our mount namespace, or empty. It reads
// mountinfo (proc_pid_mountinfo(5)): field 4 is `net:[inode]` for nsfs.
func mounted(id ID) string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 5 || fields[3] != id.String() {
			continue
		}
		if got, err := idAt(fields[4]); err == nil && got == id {
			return fields[4]
		}
	}
	return ""
}

// inhabited is the nsfs path of a process in id, or of one of its threads.
// Our own threads do not count: they are there for an operation only.
func inhabited(id ID) string {
	own := "/proc/" + strconv.Itoa(os.Getpid()) + "/"
	for _, pattern := range []string{"/proc/[0-9]*/ns/net", "/proc/[0-9]*/task/[0-9]*/ns/net"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if strings.HasPrefix(path, own) {
				continue
			}
			if got, err := idAt(path); err == nil && got == id {
				return path
			}
		}
	}
	return ""
}
