package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ipvd/cmd/internal/api"
)

// choice is a flag's value that is one of a few words.
type choice struct {
	p     *string
	words []string
}

func (v choice) Type() string { return strings.Join(v.words, "|") }

func (v choice) String() string {
	if v.p == nil {
		return ""
	}
	return *v.p
}

func (v choice) Set(s string) error {
	if !slices.Contains(v.words, s) {
		return fmt.Errorf("want one of %s", strings.Join(v.words, ", "))
	}
	*v.p = s
	return nil
}

// number is a flag's value from min to max, or 0 where that means "not set".
type number struct {
	p        *int
	unit     string
	min, max int
	zero     bool
}

func (v number) Type() string { return v.unit }

func (v number) String() string {
	if v.p == nil {
		return ""
	}
	return strconv.Itoa(*v.p)
}

func (v number) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err == nil && (n >= v.min && n <= v.max || n == 0 && v.zero) {
		*v.p = n
		return nil
	}
	if v.zero {
		return fmt.Errorf("want 0 or a number of %s from %d to %d", v.unit, v.min, v.max)
	}
	return fmt.Errorf("want a number of %s from %d to %d", v.unit, v.min, v.max)
}

// path is a flag's value that is an absolute path of at most max bytes; max 0:
// of any length.
type path struct {
	p   *string
	max int
}

func (v path) Type() string { return "PATH" }

func (v path) String() string {
	if v.p == nil {
		return ""
	}
	return *v.p
}

func (v path) Set(s string) error {
	if !filepath.IsAbs(s) {
		return fmt.Errorf("want an absolute path")
	}
	if v.max > 0 && len(s) > v.max {
		return fmt.Errorf("path has %d bytes, a socket's may have %d", len(s), v.max)
	}
	*v.p = filepath.Clean(s)
	return nil
}

// interfaceName is a flag's value that the kernel takes as an interface's name.
type interfaceName struct{ p *string }

func (v interfaceName) Type() string { return "NAME" }

func (v interfaceName) String() string {
	if v.p == nil {
		return ""
	}
	return *v.p
}

func (v interfaceName) Set(s string) error {
	if err := api.CheckIfName(s); err != nil {
		return err
	}
	*v.p = s
	return nil
}

// configPath is a flag's value that is an absolute path, or NoFile.
type configPath struct{ p *string }

func (v configPath) Type() string { return "PATH" }

func (v configPath) String() string { return path{p: v.p}.String() }

func (v configPath) Set(s string) error {
	if s == NoFile {
		*v.p = s
		return nil
	}
	return path{p: v.p}.Set(s)
}
