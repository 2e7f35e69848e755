package netns

import (
	"bufio"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Name is what people call the namespace: its name under /run/netns, else
// `net:[inode]`.
func Name(id ID) string {
	for path, got := range named {
		if got == id {
			return filepath.Base(path)
		}
	}
	return id.String()
}

// Paths are paths of all namespaces that are mounted somewhere, those under Dir
// before others.
func Paths() map[ID]string {
	paths := map[ID]string{}
	for _, source := range []iter.Seq2[string, ID]{named, mounted} {
		for path, id := range source {
			if paths[id] == "" {
				paths[id] = path
			}
		}
	}
	return paths
}

// OpenAt opens the namespace with this identity at one of Paths, or wherever
// OpenID finds it.
func OpenAt(id ID, path string) (int, error) {
	if path == "" {
		return OpenID(id)
	}
	fd, err := openPath(path)
	if err == nil {
		if got, err := IDOf(fd); err == nil && got == id {
			return fd, nil
		}
		unix.Close(fd)
	}
	return OpenID(id)
}

// NameAt is Name for a namespace with one of Paths.
func NameAt(id ID, path string) string {
	if strings.HasPrefix(path, Dir+"/") {
		return filepath.Base(path)
	}
	return id.String()
}

// Ref is by what people and Open find the namespace: its name under /run/netns, else
// where it is mounted, else the id of a process in it, and if there is nothing of
// these net:[inode].
func Ref(id ID) string {
	for path, got := range everywhere() {
		rest, ofProcess := strings.CutPrefix(path, "/proc/")
		switch {
		case got != id:
		case strings.HasPrefix(path, Dir+"/"):
			return filepath.Base(path)
		case !ofProcess || strings.Contains(path, "/task/"):
			return path
		default:
			pid, _, _ := strings.Cut(rest, "/")
			return pid
		}
	}
	return id.String()
}

// OpenID opens the namespace with this identity if it has a name under
// /run/netns, another nsfs mount, or a process in it; otherwise the error wraps
// ErrNotFound. The caller closes the descriptor.
func OpenID(id ID) (int, error) {
	for path, seen := range everywhere() {
		if seen != id {
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

// Orphaned gives those of ids that nothing but descriptors keeps: no mount of
// the namespace is visible and no other process is in it. Whoever holds one of
// those descriptors by accident, as a TAP opened inside does, should let go.
func Orphaned(ids map[ID]bool) map[ID]bool {
	left := make(map[ID]bool, len(ids))
	for id := range ids {
		left[id] = true
	}
	for _, id := range everywhere() {
		if len(left) == 0 {
			break
		}
		delete(left, id)
	}
	return left
}

// everywhere gives the paths of all namespaces that can be reached, the
// cheapest to find first; one may come more than once. Our own threads do not
// count: they are in a namespace for an operation only.
func everywhere() iter.Seq2[string, ID] {
	own := "/proc/" + strconv.Itoa(os.Getpid()) + "/"
	return func(yield func(string, ID) bool) {
		more := true
		each := func(path string, id ID) bool {
			more = strings.HasPrefix(path, own) || yield(path, id)
			return more
		}
		for _, source := range []iter.Seq2[string, ID]{named, mounted, matching("/proc/[0-9]*/ns/net"), matching("/proc/[0-9]*/task/[0-9]*/ns/net")} {
			if more {
				source(each)
			}
		}
	}
}

// named gives the namespaces under /run/netns.
func named(yield func(string, ID) bool) { matching(Dir + "/*")(yield) }

// matching gives the namespaces whose path matches a pattern.
func matching(pattern string) iter.Seq2[string, ID] {
	return func(yield func(string, ID) bool) {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if id, err := idAt(path); err == nil && !yield(path, id) {
				return
			}
		}
	}
}

// mounted gives the namespaces that are mounted anywhere in our mount
// namespace (proc_pid_mountinfo(5): field 4 is `net:[inode]` for nsfs).
func mounted(yield func(string, ID) bool) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 5 || !strings.HasPrefix(fields[3], "net:[") {
			continue
		}
		if id, err := idAt(fields[4]); err == nil && !yield(fields[4], id) {
			return
		}
	}
}
