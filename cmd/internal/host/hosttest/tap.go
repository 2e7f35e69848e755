package hosttest

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// TAP is a TAP interface made by a test; it ends when its descriptor is closed.
type TAP struct{ f *os.File }

// TAP makes a TAP interface in the namespace that ends with the test.
func (ns NS) TAP(name string) TAP {
	ns.t.Helper()
	var tap TAP
	ns.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		tap.f = os.NewFile(uintptr(fd), "tap "+name)
		req, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		return unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	})
	ns.t.Cleanup(tap.Close)
	return tap
}

// Close ends the interface. A second call does nothing.
func (tap TAP) Close() { tap.f.Close() }

// Netns opens the namespace that the interface is in now; the caller closes it.
func (tap TAP) Netns() (ns int, err error) {
	controlled := tap.control(func(fd int) {
		ns, err = unix.IoctlRetInt(fd, unix.TUNGETDEVNETNS)
	})
	return ns, errors.Join(controlled, err)
}

// IfName is what the interface is called now.
func (tap TAP) IfName() (string, error) {
	req, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	controlled := tap.control(func(fd int) {
		err = unix.IoctlIfreq(fd, unix.TUNGETIFF, req)
	})
	return req.Name(), errors.Join(controlled, err)
}

// control calls f with the descriptor, which is not closed meanwhile.
func (tap TAP) control(f func(fd int)) error {
	c, err := tap.f.SyscallConn()
	if err != nil {
		return err
	}
	return c.Control(func(fd uintptr) { f(int(fd)) })
}
