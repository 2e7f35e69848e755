package volley

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
)

// drain reads all sources until nothing has come for so many milliseconds. What
// comes belongs to f; without one it is forgotten.
func (r *Range) drain(f *flight, quiet int) {
	fds := make([]unix.PollFd, len(r.sources))
	for i, s := range r.sources {
		fds[i] = unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN}
	}
	end := time.Now().Add(time.Duration(quiet) * time.Millisecond)
	for {
		n, err := unix.Poll(fds, int(max(0, time.Until(end).Milliseconds())))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		for i := range fds {
			if fds[i].Revents != 0 {
				r.read(f, &r.sources[i])
			}
		}
		end = time.Now().Add(time.Duration(quiet) * time.Millisecond)
	}
}

// read takes all that waits at a source.
func (r *Range) read(f *flight, s *source) {
	for {
		n, nc, _, from, err := unix.Recvmsg(s.fd, r.buf, r.control, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		if f == nil {
			continue
		}
		messages, _ := unix.ParseSocketControlMessage(r.control[:nc])
		s.overflow(messages)
		switch s.kind {
		case tap, handler:
			f.saw(lab.Captured(s.port, r.buf[:n], from, messages), s.kind == handler)
		default:
			f.took(lab.RawDelivery(s.port, s.kind == packet6, r.buf[:n], from, messages), s.kind == packet6, r.buf[:n])
		}
	}
}

// overflow reads how many packets a raw socket had no room for so far (socket(7),
// SO_RXQ_OVFL).
func (s *source) overflow(messages []unix.SocketControlMessage) {
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_RXQ_OVFL && len(m.Data) >= 4 {
			s.lost = int64(binary.NativeEndian.Uint32(m.Data))
		}
	}
}

// Times of warming up.
const (
	addressLimit = 60 * time.Second // for a stack's link-local addresses
	warmLimit    = 60 * time.Second // for all ports
	warmProbe    = 3 * time.Second  // for a probe, which may have come too early
	calm         = 100              // milliseconds without a frame after stacks got their addresses
)

// Learner is a driver that learns addresses in a time of its own.
type Learner interface {
	// Learn waits until it knows those of the scenario.
	Learn(s scenario.Scenario) error
}

// warmUp waits for the addresses that stacks make by themselves, until the driver
// knows all, and sends probes until they come through.
func (r *Range) warmUp() (err error) {
	for name := range r.ports {
		if err := r.lab.In(name, func() error { return r.linkLocal(name) }); err != nil {
			return errors.Join(fmt.Errorf("port %s: %w", name, err), r.Close())
		}
	}
	if d, ok := r.lab.Driver().(Learner); ok {
		if err := d.Learn(r.s); err != nil {
			return errors.Join(err, r.Close())
		}
	}
	for end := time.Now().Add(warmLimit); ; {
		r.drain(nil, calm)
		if err = r.round(newFlight(nil, nil), warmProbe); err == nil {
			r.drain(nil, calm)
			return nil
		}
		if time.Now().After(end) {
			return errors.Join(err, r.Close())
		}
	}
}

// linkLocal waits until the caller's namespace, which is a port's, has a
// link-local address that is in use, and a slave's no more the one that its MAC
// address alone would give it.
func (r *Range) linkLocal(port string) error {
	mac, err := net.ParseMAC(r.s.Master.MAC)
	if err != nil {
		return fmt.Errorf("the master's MAC address: %w", err)
	}
	shared := fmt.Sprintf("%x", link.EUI64(mac).AsSlice())
	for end := time.Now().Add(addressLimit); r.s.LinkLocal; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile("/proc/thread-self/net/if_inet6")
		if err != nil {
			return err
		}
		used, wrong := false, false
		for line := range strings.Lines(string(b)) {
			// address, index, prefix length, scope, flags, name; scope 20 is the link's,
			// flag 40 says tentative.
			if f := strings.Fields(line); len(f) == 6 && f[3] == "20" {
				used = used || f[4] == "00" || f[4] == "80"
				wrong = wrong || f[0] == shared && port != scenario.Host
			}
		}
		if used && !wrong {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("no link-local address of its own within %v:\n%s", addressLimit, b)
		}
	}
	return nil
}
