package mirror

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// errLost: the kernel dropped notifications, or one did not fit the buffer.
var errLost = errors.New("netlink messages were lost")

// socket is a netlink socket of the namespace in which it was opened.
type socket struct {
	fd  int
	seq uint32
	buf []byte
}

// datagram is the room for one datagram of the kernel, which makes them up to 32 KB
// long (net/netlink/af_netlink.c, netlink_dump).
const datagram = 64 << 10

// openSocket opens a socket in the calling thread's namespace that hears these
// groups, with room for so many bytes.
func openSocket(room int, groups ...int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("netlink socket", err)
	}
	s := &socket{fd: fd, buf: make([]byte, datagram)}
	if err := s.setUp(room, groups); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return s, nil
}

func (s *socket) setUp(room int, groups []int) error {
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room); err != nil {
		return fmt.Errorf("receive buffer of %d bytes: %w", room, err)
	}
	if err := unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("bind netlink socket: %w", err)
	}
	for _, g := range groups {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
			return fmt.Errorf("join netlink group %d: %w", g, err)
		}
	}
	return nil
}

func (s *socket) close() { unix.Close(s.fd) }

// receive reads one datagram, valid until the next call. It gives errLost, or
// unix.EAGAIN when there is none.
func (s *socket) receive() ([]byte, error) {
	for {
		n, _, flags, from, err := unix.Recvmsg(s.fd, s.buf, nil, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ENOBUFS || err == nil && flags&unix.MSG_TRUNC != 0:
			return nil, errLost
		case err != nil:
			return nil, err
		}
		if k, ok := from.(*unix.SockaddrNetlink); ok && k.Pid == 0 {
			return s.buf[:n], nil
		}
	}
}

func (s *socket) send(kind, flags uint16, body []byte) error {
	s.seq++
	b := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(body))
	binary.NativeEndian.PutUint32(b, uint32(unix.NLMSG_HDRLEN+len(body)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], s.seq)
	return unix.Sendto(s.fd, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// drain reads answers that nobody waits for.
func (s *socket) drain() {
	for {
		if _, err := s.receive(); err != nil && err != errLost {
			return
		}
	}
}

// await waits for a datagram.
func (s *socket) await() ([]byte, error) {
	for {
		b, err := s.receive()
		if err != unix.EAGAIN {
			return b, err
		}
		fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, answerWithin); err != nil && err != unix.EINTR {
			return nil, os.NewSyscallError("poll", err)
		} else if fds[0].Revents == 0 && err == nil {
			return nil, fmt.Errorf("no answer within %d ms", answerWithin)
		}
	}
}

// answerWithin is how long the kernel may take for a datagram of a dump, in ms: it
// may wait for others' changes.
const answerWithin = 30000

// errInterrupted: a change came between two parts of a dump.
var errInterrupted = errors.New("the dump was interrupted by a change")

// dump asks for all objects and gives each message of the answer.
func (s *socket) dump(request uint16, body []byte, each func(message)) error {
	s.drain()
	if err := s.send(request, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, body); err != nil {
		return os.NewSyscallError("netlink send", err)
	}
	interrupted := false
	for {
		b, err := s.await()
		if err != nil {
			return err
		}
		for msg := range messages(b) {
			interrupted = interrupted || msg.flags&unix.NLM_F_DUMP_INTR != 0
			switch msg.kind {
			case unix.NLMSG_DONE:
				if interrupted {
					return errInterrupted
				}
				return errnoOf(msg.body)
			case unix.NLMSG_ERROR:
				return errnoOf(msg.body)
			}
			each(msg)
		}
	}
}

// errnoOf is the error of a message that ends an answer; nil for none.
func errnoOf(b []byte) error {
	if n := int32(u32(b)); n < 0 {
		return unix.Errno(-n)
	}
	return nil
}

func putU32(b []byte, v uint32) { binary.NativeEndian.PutUint32(b, v) }

// appendAttr appends an attribute to the body of a message.
func appendAttr(b []byte, kind uint16, v []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(v)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
