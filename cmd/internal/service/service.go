// Package service speaks with systemd when it has started the process: that the
// daemon is ready, alive or stopping (sd_notify(3)), and the descriptor store that
// keeps what is to survive a restart (sd_pid_notify_with_fds(3),
// FileDescriptorStoreMax= in systemd.service(5)).
//
// Without systemd all of it does nothing.
package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Manager is what has started the process. Its methods may be called from any
// goroutine. A nil Manager is nobody.
type Manager struct {
	socket   *net.UnixAddr
	watchdog time.Duration
}

// Find reads the environment that systemd gives the process, and removes it: it is
// not for children. It is nil when nobody listens.
func Find() (*Manager, error) {
	path := os.Getenv("NOTIFY_SOCKET")
	limit, pid := os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	if path == "" {
		return nil, nil
	}
	m := &Manager{socket: &net.UnixAddr{Name: path, Net: "unixgram"}}
	if limit == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return m, nil
	}
	usec, err := strconv.ParseUint(limit, 10, 63)
	if err != nil || usec == 0 {
		return m, fmt.Errorf("WATCHDOG_USEC=%q is no number of microseconds", limit)
	}
	m.watchdog = time.Duration(usec) * time.Microsecond
	return m, nil
}

// Watchdog is how often Alive has to be told at least; 0: never.
func (m *Manager) Watchdog() time.Duration {
	if m == nil {
		return 0
	}
	return m.watchdog
}

// Ready says that the daemon serves.
func (m *Manager) Ready(status string) error { return m.tell(nil, "READY=1", "STATUS="+status) }

// Status says what goes on, for people.
func (m *Manager) Status(status string) error { return m.tell(nil, "STATUS="+status) }

// Alive says that the daemon works: without it within Watchdog it is killed.
func (m *Manager) Alive() error { return m.tell(nil, "WATCHDOG=1") }

// Stopping says that the daemon ends.
func (m *Manager) Stopping() error { return m.tell(nil, "STOPPING=1") }

// Store gives a descriptor to the store under a name, which the next process gets
// it by. The caller keeps its own. A unit without FileDescriptorStoreMax= has no
// store: systemd closes the descriptor then.
func (m *Manager) Store(name string, fd int) error {
	return m.tell([]int{fd}, "FDSTORE=1", "FDNAME="+name)
}

// Forget removes a name from the store.
func (m *Manager) Forget(name string) error {
	return m.tell(nil, "FDSTOREREMOVE=1", "FDNAME="+name)
}

func (m *Manager) tell(fds []int, lines ...string) error {
	if m == nil {
		return nil
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell systemd %s: %w", lines[0], err)
	}
	_, _, err = c.WriteMsgUnix([]byte(strings.Join(lines, "\n")), rights, m.socket)
	if err = errors.Join(err, c.Close()); err != nil {
		return fmt.Errorf("tell systemd at %s %s: %w", m.socket.Name, lines[0], err)
	}
	return nil
}
