// Package hosttest gives tests network namespaces and interfaces of their own,
// and removes them whatever happens.
package hosttest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"ipvd/cmd/internal/host/netns"

	"golang.org/x/sys/unix"
)

var serial atomic.Uint32

// Unique is a name that no other test of this machine uses: `ipvdt-`, the
// process id, and a serial number.
func Unique() string { return fmt.Sprintf("ipvdt-%d-%d", os.Getpid(), serial.Add(1)) }

// NeedRoot skips the test when it may not make namespaces.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs iproute2: ", err)
	}
}

// NS is a namespace of a test.
type NS struct {
	Name string
	t    testing.TB
}

// NewNS makes a namespace that ends with the test.
func NewNS(t testing.TB) NS {
	t.Helper()
	NeedRoot(t)
	ns := NS{Unique(), t}
	if err := netns.Create(ns.Name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Delete)
	return ns
}

// Existing is a namespace that somebody else has made and removes.
func Existing(t testing.TB, name string) NS { return NS{name, t} }

// Delete removes the namespace's name. A second call does nothing.
func (ns NS) Delete() {
	if err := netns.Delete(ns.Name); err != nil {
		ns.t.Error(err)
	}
}

// Open gives a descriptor of the namespace; the caller closes it.
func (ns NS) Open() int {
	ns.t.Helper()
	fd, err := netns.Open(ns.Name)
	if err != nil {
		ns.t.Fatal(err)
	}
	return fd
}

// ID is the namespace's identity.
func (ns NS) ID() netns.ID {
	ns.t.Helper()
	fd := ns.Open()
	defer unix.Close(fd)
	id, err := netns.IDOf(fd)
	if err != nil {
		ns.t.Fatal(err)
	}
	return id
}

// Do calls f in the namespace, on a goroutine of its own: f must not call
// t.Fatal.
func (ns NS) Do(f func() error) {
	ns.t.Helper()
	fd := ns.Open()
	defer unix.Close(fd)
	if err := netns.Run(fd, f); err != nil {
		ns.t.Fatalf("in %s: %v", ns.Name, err)
	}
}

// IP runs `ip ARGS` in the namespace and gives what it prints.
func (ns NS) IP(args string) string {
	ns.t.Helper()
	cmd := exec.Command("ip", append([]string{"-n", ns.Name}, strings.Fields(args)...)...)
	// Apart from the output: ip complains about names under /run/netns that
	// others are just making or removing.
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		ns.t.Fatalf("ip -n %s %s: %v: %s", ns.Name, args, err, complaints.String())
	}
	return string(out)
}

// Sysctl reads /proc/sys/net/KEY as the namespace sees it.
func (ns NS) Sysctl(key string) string {
	ns.t.Helper()
	var b []byte
	ns.Do(func() (err error) {
		b, err = os.ReadFile("/proc/sys/net/" + key)
		return err
	})
	return strings.TrimSpace(string(b))
}
