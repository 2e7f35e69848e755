package api

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerConn is a connection with what the kernel says about its other end.
type peerConn struct {
	net.Conn
	cred    unix.Ucred
	allowed bool
}

// Accept waits for a connection. One that may not talk to the daemon is
// accepted too: the server tells it so.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	p := &peerConn{Conn: c}
	// A peer that is gone already has no credentials and is not allowed.
	if cred, err := peerCred(c); err == nil {
		p.cred, p.allowed = *cred, mayTalk(cred, os.Geteuid(), l.gid) && sameUsers(int(cred.Pid))
	}
	return p, nil
}

// mayTalk repeats the check of the socket's file mode, which someone may have
// changed since.
func mayTalk(c *unix.Ucred, euid, gid int) bool {
	if c.Uid == 0 || int(c.Uid) == euid {
		return true
	}
	return gid >= 0 && (int(c.Gid) == gid || slices.Contains(groupsOf(int(c.Pid)), strconv.Itoa(gid)))
}

// sameUsers reports that a process is in the daemon's user namespace. Root of
// another one, a container's, may have root's number here; the kernel lets none of
// them change an ipvlan master (ipvlan_main.c, ipvlan_nl_changelink).
func sameUsers(pid int) bool {
	own, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return true // the kernel has no user namespaces
	}
	peer, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
	return err == nil && peer == own
}

// groupsOf is a process's supplementary groups; SO_PEERCRED has no room for them.
func groupsOf(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if list, ok := strings.CutPrefix(line, "Groups:"); ok {
			return strings.Fields(list)
		}
	}
	return nil
}

func peerCred(c *net.UnixConn) (cred *unix.Ucred, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	err = control(raw, func(fd int) (err error) {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	return cred, err
}

// control runs f on a connection's descriptor and returns f's error.
func control(c syscall.RawConn, f func(fd int) error) error {
	var ferr error
	if err := c.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}

// caller is the peer with its network namespace as it is now, at the request:
// a client that waits for the answer is alive. The caller of caller closes it.
func (p *peerConn) caller() Caller {
	c := Caller{PID: int(p.cred.Pid), UID: int(p.cred.Uid), GID: int(p.cred.Gid)}
	if f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", c.PID)); err == nil {
		c.Netns = f
	}
	return c
}
