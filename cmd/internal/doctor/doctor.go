// Package doctor looks at a machine for what ipvd needs, and says of each thing
// whether it is there and what to do if not. It changes nothing.
package doctor

import (
	"fmt"
	"io"
	"io/fs"
	"strings"

	"ipvd/cmd/internal/config"
)

// State is how a thing is.
type State string

// The states. What fails keeps ipvd from working; a warning makes it slower, or
// takes one of its modes away.
const (
	OK   State = "ok"
	Warn State = "warn"
	Fail State = "fail"
)

// Finding is what was found of one thing.
type Finding struct {
	State State  `json:"state"`
	Name  string `json:"name"`         // of the thing
	Text  string `json:"text"`         // what was found
	Do    string `json:"do,omitempty"` // what to do; empty with ok
}

// Machine is what is looked at.
type Machine struct {
	Root    fs.FS                     // of the file system, as far as /proc, /sys and /dev
	UID     int                       // effective
	Socket  func(family int) error    // makes a socket of an address family, and closes it again
	Program func(name string) bool    // whether a program is installed
	Group   func(name string) bool    // whether there is a group of users
	Merges  func(dev string) []string // features of an interface, by which received packets are merged, that are on

	Masters []config.Master // to be looked at as well
	Workers []int           // CPUs; nil: the first
}

// Look gives what is found, in the order in which it is to be read.
func (m *Machine) Look() []Finding {
	var all []Finding
	for _, check := range []func() []Finding{m.privileges, m.processor, m.memory, m.hugepages, m.tun, m.xdp, m.namespaces, m.iommu,
		m.cpus, m.reversePath, m.users, m.programs} {
		all = append(all, check()...)
	}
	for _, master := range m.Masters {
		all = append(all, m.master(master)...)
	}
	return all
}

func ok(name, format string, args ...any) []Finding {
	return []Finding{{State: OK, Name: name, Text: fmt.Sprintf(format, args...)}}
}

func warn(name, text, do string) []Finding { return []Finding{{Warn, name, text, do}} }
func fail(name, text, do string) []Finding { return []Finding{{Fail, name, text, do}} }

// Print writes a line a finding, and one for what is to be done. It gives the number
// of failures.
func Print(out io.Writer, all []Finding) (failed int, err error) {
	var text strings.Builder
	for _, f := range all {
		fmt.Fprintf(&text, "%-4s  %-14s %s\n", f.State, f.Name, f.Text)
		if f.Do != "" {
			fmt.Fprintf(&text, "%21s-> %s\n", "", f.Do)
		}
		if f.State == Fail {
			failed++
		}
	}
	_, err = io.WriteString(out, text.String())
	return failed, err
}

// read gives a file's text without the space around it, "" when it cannot be read.
func (m *Machine) read(path string) string {
	b, err := fs.ReadFile(m.Root, strings.TrimPrefix(path, "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (m *Machine) exists(path string) bool {
	_, err := fs.Stat(m.Root, strings.TrimPrefix(path, "/"))
	return err == nil
}

// field gives what follows `key:` in a file of lines such as /proc/meminfo.
func (m *Machine) field(path, key string) string {
	for line := range strings.Lines(m.read(path)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
