package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Version is the format of the records; a file of any other is not read.
const Version = 1

// ErrDamaged is wrapped when a file could not be understood. It was renamed to
// NAME.damaged-TIME, so that nothing is lost and nothing trips over it again.
var ErrDamaged = errors.New("damaged record")

// Record is what a Table holds.
type Record interface {
	// Key tells records of a table apart, in any characters.
	Key() string
	kind() string
}

// Table is the records of one kind.
type Table[T Record] struct{ dir string }

// Load reads all records in the order of their keys. What cannot be read is set
// aside and named in the error; the others are given all the same.
func (t Table[T]) Load() ([]T, error) {
	paths, err := filepath.Glob(filepath.Join(t.dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", t.dir, err)
	}
	slices.Sort(paths)
	var records []T
	var errs []error
	for _, path := range paths {
		r, err := t.read(path)
		if err == nil {
			records = append(records, r)
			continue
		}
		errs = append(errs, setAside(path, err))
	}
	return records, errors.Join(errs...)
}

// Save writes a record and replaces the one with the same key. When it returns
// nil the record is on the disk.
func (t Table[T]) Save(r T) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%s %s: encode: %w", r.kind(), r.Key(), err)
	}
	b, err := json.MarshalIndent(envelope{Version, r.kind(), body}, "", "  ")
	if err != nil {
		return fmt.Errorf("%s %s: encode: %w", r.kind(), r.Key(), err)
	}
	path := t.path(r.Key())
	if _, err := t.read(path); errors.Is(err, ErrDamaged) {
		setAside(path, err) // never over what was not understood
	}
	if err := replace(path, append(b, '\n')); err != nil {
		return fmt.Errorf("%s %s: save: %w", r.kind(), r.Key(), err)
	}
	return nil
}

// Delete removes a record. One that does not exist is no error.
func (t Table[T]) Delete(key string) error {
	err := os.Remove(t.path(key))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(t.dir)
	}
	if err != nil {
		return fmt.Errorf("record %s: delete: %w", key, err)
	}
	return nil
}

func (t Table[T]) path(key string) string {
	return filepath.Join(t.dir, url.PathEscape(key)+".json")
}

// read reads a file. The error wraps ErrDamaged when it was read but not
// understood.
func (t Table[T]) read(path string) (r T, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil {
		return r, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if e.Version != Version || e.Kind != r.kind() {
		return r, fmt.Errorf("%w: %s of version %d, want %s of version %d", ErrDamaged, e.Kind, e.Version, r.kind(), Version)
	}
	if err := json.Unmarshal(e.Record, &r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if name := url.PathEscape(r.Key()) + ".json"; name != filepath.Base(path) {
		return r, fmt.Errorf("%w: it is the record of %q", ErrDamaged, r.Key())
	}
	return r, nil
}

// setAside renames a file that was not understood, and adds that to err.
func setAside(path string, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	aside := path + ".damaged-" + strings.ReplaceAll(time.Now().UTC().Format("20060102T150405.000000000"), ".", "")
	if moved := os.Rename(path, aside); moved != nil {
		return fmt.Errorf("%s: %w; cannot set it aside: %w", path, err, moved)
	}
	return fmt.Errorf("%s: %w; kept as %s", path, err, aside)
}

// temporary begins the names of files that are being written.
const temporary = ".tmp-"

// replace writes a file so that after a crash there is the old one or the new
// one, whole: temporary file, fsync, rename, fsync of the directory.
func replace(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
