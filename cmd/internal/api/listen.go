package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrRunning is what Listen wraps when a daemon answers at the path.
var ErrRunning = errors.New("a daemon answers there")

// Listener accepts connections of root, of the daemon's own user and of the
// members of a group. Its connections are for Server.Serve.
type Listener struct {
	*net.UnixListener
	gid int // -1: no group
}

// Listen makes the daemon's socket at path: mode 0660 when the group exists,
// else 0600. The socket of a daemon that has ended is replaced; Listen fails
// where a daemon answers, and where something else than a socket is. Closing
// the listener removes the socket.
func Listen(path, group string) (*Listener, error) {
	gid, err := groupID(group)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	defer unlock()
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	// A socket file gets the mode that the descriptor has before bind
	// (unix_bind_bsd, net/unix/af_unix.c): nobody else can open it meanwhile.
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, func(fd int) error { return unix.Fchmod(fd, 0o600) })
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if gid >= 0 {
		if err := openToGroup(path, gid); err != nil {
			l.Close()
			return nil, fmt.Errorf("listen on %s: open to group %s: %w", path, group, err)
		}
	}
	return &Listener{l.(*net.UnixListener), gid}, nil
}

// groupID is a group's number, or -1 when there is no such group.
func groupID(group string) (int, error) {
	if group == "" {
		return -1, nil
	}
	g, err := user.LookupGroup(group)
	var unknown user.UnknownGroupError
	if errors.As(err, &unknown) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("look up group %s: %w", group, err)
	}
	return strconv.Atoi(g.Gid)
}

func openToGroup(path string, gid int) error {
	if err := os.Chown(path, -1, gid); err != nil {
		return err
	}
	return os.Chmod(path, 0o660)
}

// lockDir keeps two daemons that start at once from removing each other's
// socket.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}

// removeStale removes the socket of a daemon that has ended.
func removeStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("there is a file that is no socket (%v): %w", st.Mode(), unix.EEXIST)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		defer c.Close()
		return fmt.Errorf("%w (pid %d): %w", ErrRunning, peerPID(c), unix.EADDRINUSE)
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("is a daemon there? %w", err)
	}
	return os.Remove(path)
}

func peerPID(c net.Conn) int {
	cred, err := peerCred(c.(*net.UnixConn))
	if err != nil {
		return 0
	}
	return int(cred.Pid)
}
