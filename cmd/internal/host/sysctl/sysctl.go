// Package sysctl changes network sysctls of the calling thread's namespace and
// remembers what they were.
package sysctl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const root = "/proc/sys/net"

// Change is a sysctl that was changed.
type Change struct {
	Key string `json:"key"` // path under /proc/sys/net: ipv6/conf/eth0/accept_ra
	Old string `json:"old"`
	New string `json:"new"`
}

// String is the change as people write it.
func (c Change) String() string { return fmt.Sprintf("net/%s: %s -> %s", c.Key, c.Old, c.New) }

// Get reads a sysctl. The error wraps os.ErrNotExist when the kernel has none
// of that name.
func Get(key string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, key))
	if err != nil {
		return "", fmt.Errorf("sysctl %s: %w", key, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// Set writes a sysctl.
func Set(key, value string) error {
	// Not os.WriteFile: nothing must be created where there is no such sysctl.
	f, err := os.OpenFile(filepath.Join(root, key), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("sysctl %s = %s: %w", key, value, err)
	}
	_, err = f.WriteString(value)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("sysctl %s = %s: %w", key, value, err)
	}
	return nil
}

// Plan reads what the wanted values would change, without changing it: record
// the result, then Apply it.
func Plan(want []Change) ([]Change, error) {
	var plan []Change
	for _, c := range want {
		old, err := Get(c.Key)
		if err != nil {
			return nil, err
		}
		if old != c.New {
			plan = append(plan, Change{c.Key, old, c.New})
		}
	}
	return plan, nil
}

// Apply makes the changes. On an error those made stay; Restore takes them
// back.
func Apply(changes []Change) error {
	for _, c := range changes {
		if err := Set(c.Key, c.New); err != nil {
			return err
		}
	}
	return nil
}

// Restore takes the changes back, the last first. A sysctl that somebody else
// has changed since is left alone, and one that is gone with its interface is
// no error.
func Restore(changes []Change) error {
	var errs []error
	for i := len(changes) - 1; i >= 0; i-- {
		c := changes[i]
		now, err := Get(c.Key)
		if errors.Is(err, os.ErrNotExist) || (err == nil && now != c.New) {
			continue
		}
		if err == nil {
			err = Set(c.Key, c.Old)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
