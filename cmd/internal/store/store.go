// Package store keeps what a daemon must find again after it was killed: a
// directory of small versioned JSON files, one for each record, written
// atomically.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrLocked is wrapped when another process has the directory open.
var ErrLocked = errors.New("state directory is in use")

// Dir is an open state directory. One process at a time has it; its methods and
// those of its tables may be called from any goroutine.
type Dir struct {
	Masters Table[Master]
	Slaves  Table[Slave]
	Wires   Table[Wire]
	Hosts   Table[Host]

	Declared Table[Declared]

	path string
	lock *os.File
}

// Open opens the directory at path and makes it if needed.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	lock, err := acquire(filepath.Join(path, "lock"))
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	// What a process left that was killed while it saved.
	unfinished, _ := filepath.Glob(filepath.Join(path, "*", temporary+"*"))
	for _, file := range unfinished {
		os.Remove(file)
	}
	d := &Dir{path: path, lock: lock}
	d.Masters.dir = filepath.Join(path, "masters")
	d.Slaves.dir = filepath.Join(path, "slaves")
	d.Wires.dir = filepath.Join(path, "wires")
	d.Hosts.dir = filepath.Join(path, "hosts")
	d.Declared.dir = filepath.Join(path, "declared")
	return d, nil
}

// Path is the directory's path.
func (d *Dir) Path() string { return d.path }

// Close lets go of the directory; the records stay.
func (d *Dir) Close() error { return d.lock.Close() }

// Remove deletes the directory with all its records and closes it.
func (d *Dir) Remove() error {
	// The lock file goes last, with its directory: nobody else gets in before.
	for _, sub := range []string{d.Masters.dir, d.Slaves.dir, d.Wires.dir, d.Hosts.dir, d.Declared.dir} {
		if err := os.RemoveAll(sub); err != nil {
			return fmt.Errorf("state directory %s: %w", d.path, err)
		}
	}
	return errors.Join(os.RemoveAll(d.path), d.Close())
}

// acquire takes the lock file, which the kernel lets go of when the process
// ends in any way. It holds the owner's pid, for the error of the next one.
func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(path)
		f.Close()
		if err == unix.EWOULDBLOCK {
			return nil, fmt.Errorf("%w by process %s", ErrLocked, owner)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Ephemeral opens a directory of its own under base for a daemon that leaves
// nothing behind: it calls Remove at its end, and Stale finds what it left when
// it was killed.
func Ephemeral(base string) (*Dir, error) {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, fmt.Errorf("state directory %s: %w", base, err)
	}
	path, err := os.MkdirTemp(base, "run-")
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", base, err)
	}
	return Open(path)
}

// Stale opens the directories under base that killed ephemeral daemons left.
// The caller takes back what they record, then calls Remove on each, or Close
// to leave one for later.
func Stale(base string) ([]*Dir, error) {
	paths, err := filepath.Glob(filepath.Join(base, "run-*"))
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", base, err)
	}
	var dirs []*Dir
	var errs []error
	for _, path := range paths {
		d, err := Open(path)
		switch {
		case err == nil:
			dirs = append(dirs, d)
		case !errors.Is(err, ErrLocked):
			errs = append(errs, err)
		}
	}
	return dirs, errors.Join(errs...)
}

// envelope is the content of a file.
type envelope struct {
	Version int             `json:"version"`
	Kind    string          `json:"kind"`
	Record  json.RawMessage `json:"record"`
}
