package rawip

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

// fragSender sends IPv4 packets in fragments. Worker only.
type fragSender struct {
	fragmenter
	packet [maxIPv4]byte
	msg    [1]mmsghdr
	iov    [2]unix.Iovec
	lastID uint16
}

// send sends packet i of b in fragments of at most mtu bytes. The error is that
// of the first fragment that fails; EMSGSIZE when the packet has DF.
func (s *fragSender) send(b *batch, i, fd, mtu int) syscall.Errno {
	packet := s.packet[:b.linear(i, s.packet[:])]
	if errno := s.start(packet, mtu, s.id(packet)); errno != 0 {
		return errno
	}
	s.msg[0] = b.msgs[i]
	s.msg[0].hdr.Iov = &s.iov[0]
	for hdr, payload, ok := s.next(); ok; hdr, payload, ok = s.next() {
		setIovec(&s.iov[0], hdr)
		setIovec(&s.iov[1], payload)
		s.msg[0].hdr.SetIovlen(len(s.iov))
		if _, errno := sendmmsg(fd, s.msg[:]); errno != 0 {
			return errno
		}
	}
	return 0
}

// id is the packet's identification, or another one in place of 0: a raw socket
// would choose one for each fragment, and they could not be put together.
func (s *fragSender) id(packet []byte) uint16 {
	if id := binary.BigEndian.Uint16(packet[4:]); id != 0 {
		return id
	}
	if s.lastID++; s.lastID == 0 {
		s.lastID = 1
	}
	return s.lastID
}
