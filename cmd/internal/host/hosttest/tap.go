package hosttest

import (
	"errors"
	"os"
	"time"

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
		req, err := unix.NewIfreq(name)
		if err == nil {
			req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
		}
		// Not earlier: the poller is told nothing of a TAP that it met before
		// it was one.
		tap.f = os.NewFile(uintptr(fd), "tap "+name)
		return err
	})
	ns.t.Cleanup(tap.Close)
	return tap
}

// Close ends the interface. A second call does nothing.
func (tap TAP) Close() { tap.f.Close() }

// Write sends a frame to the interface's stack.
func (tap TAP) Write(frame []byte) error {
	_, err := tap.f.Write(frame)
	return err
}

// Read gives the next frame that the interface's stack sends for which match is
// true, or an error after the timeout.
func (tap TAP) Read(timeout time.Duration, match func(frame []byte) bool) ([]byte, error) {
	if err := tap.f.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	buf := make([]byte, 2048)
	for {
		n, err := tap.f.Read(buf)
		if err != nil {
			return nil, err
		}
		if match(buf[:n]) {
			return buf[:n], nil
		}
	}
}

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
