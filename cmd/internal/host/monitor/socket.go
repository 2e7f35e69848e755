package monitor

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"ipvd/cmd/internal/host/netns"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// noNSID stands for the namespace that the socket is in.
const noNSID = -1

const defaultReceiveBuffer = 16 << 20

// openSocket opens a socket that hears links, addresses and nsids of the
// calling thread's namespace and of all that have an nsid there.
func openSocket(receiveBuffer int) (int, error) {
	if receiveBuffer == 0 {
		receiveBuffer = defaultReceiveBuffer
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, os.NewSyscallError("netlink socket", err)
	}
	if err := setUp(fd, receiveBuffer); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setUp(fd, receiveBuffer int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer); err != nil {
		return fmt.Errorf("receive buffer of %d bytes: %w", receiveBuffer, err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1); err != nil {
		return fmt.Errorf("listen to all namespaces: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("bind netlink socket: %w", err)
	}
	for _, group := range []int{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_NSID} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("join netlink group %d: %w", group, err)
		}
	}
	return nil
}

// errLost: the kernel dropped messages, or one did not fit the buffer.
var errLost = errors.New("netlink messages were lost")

// receive reads one datagram. It gives errLost, unix.EAGAIN when there is none,
// or the messages and the nsid of the namespace that they are about.
func receive(fd int, buf, oob []byte) ([]syscall.NetlinkMessage, int, error) {
	n, oobn, flags, from, err := unix.Recvmsg(fd, buf, oob, 0)
	if err == unix.ENOBUFS || (err == nil && flags&unix.MSG_TRUNC != 0) {
		return nil, 0, errLost
	}
	if err != nil {
		return nil, 0, err
	}
	if k, ok := from.(*unix.SockaddrNetlink); !ok || k.Pid != 0 {
		return nil, 0, nil // not the kernel
	}
	msgs, err := syscall.ParseNetlinkMessage(buf[:n])
	if err != nil {
		return nil, 0, errLost
	}
	return msgs, nsidOf(oob[:oobn]), nil
}

func nsidOf(oob []byte) int {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return noNSID
	}
	for _, m := range msgs {
		if m.Header.Level == unix.SOL_NETLINK && m.Header.Type == unix.NETLINK_LISTEN_ALL_NSID && len(m.Data) >= 4 {
			return int(int32(nativeU32(m.Data)))
		}
	}
	return noNSID
}

// subscribe gives the namespace open as fd an nsid in home, if it has none, and
// returns it: from then on its messages reach the socket.
func (m *Monitor) subscribe(fd int, id netns.ID) (nsid int, err error) {
	if id == m.homeID {
		return noNSID, nil
	}
	err = netns.Run(m.home, func() error {
		if nsid, err = netlink.GetNetNsIdByFd(fd); err != nil || nsid != noNSID {
			return err
		}
		// EEXIST: somebody else was faster.
		if err := netlink.SetNetNsIdByFd(fd, noNSID); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		nsid, err = netlink.GetNetNsIdByFd(fd)
		return err
	})
	if err == nil && nsid == noNSID {
		err = errors.New("the kernel gave it none")
	}
	if err != nil {
		return noNSID, fmt.Errorf("nsid of netns %v: %w", id, err)
	}
	return nsid, nil
}

// learnSelf reads which nsid home has in home, if somebody gave it one: its
// messages then carry it.
func (m *Monitor) learnSelf() {
	m.selfNSID = noNSID
	netns.Run(m.home, func() error {
		nsid, err := netlink.GetNetNsIdByFd(m.home)
		if err == nil {
			m.selfNSID = nsid
		}
		return err
	})
}
