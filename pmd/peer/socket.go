package peer

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxFDs is the most descriptors of a message.
const maxFDs = 16

// Receive reads a message of len(b) bytes, or the next part of a stream, and the
// descriptors that came with it, which are the caller's. io.EOF: the peer has
// closed the connection.
func (s *Session) Receive(b []byte) (n int, fds []int, err error) {
	oob := make([]byte, unix.CmsgSpace(maxFDs*4))
	n, oobn, flags, _, err := s.conn.ReadMsgUnix(b, oob)
	if oobn > 0 {
		fds = rights(oob[:oobn])
	}
	switch {
	case err != nil:
	case n == 0:
		err = io.EOF
	case flags&unix.MSG_CTRUNC != 0:
		err = fmt.Errorf("message with more than %d descriptors", maxFDs)
	case flags&unix.MSG_TRUNC != 0:
		err = fmt.Errorf("message of more than %d bytes", len(b))
	}
	if err != nil {
		CloseAll(fds)
		return n, nil, err
	}
	return n, fds, nil
}

// Send writes a message with descriptors, which stay the caller's.
func (s *Session) Send(b []byte, fds ...int) error {
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	n, _, err := s.conn.WriteMsgUnix(b, oob, nil)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// rights are the descriptors in a control message. What cannot be understood the
// kernel has not sent.
func rights(oob []byte) (fds []int) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range msgs {
		got, err := unix.ParseUnixRights(&msgs[i])
		if err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

// CloseAll closes descriptors.
func CloseAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// Gone reports that err is the end of a connection that the peer or Close has
// ended.
func Gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

func isEventfd(fd int) bool {
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	return err == nil && name == "anon_inode:[eventfd]"
}
