package tap

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// vnetHdrLen is the size of struct virtio_net_hdr_mrg_rxbuf, also that of
// virtio 1.0's header (virtio 1.1, section 5.1.6).
const vnetHdrLen = pmd.VnetHdrLen

// Raw system calls: the worker's thread is its own and the calls never block,
// so that the scheduler need not know of them.

func readv(fd int, iov []unix.Iovec) (int, syscall.Errno) {
	return transfer(unix.SYS_READV, fd, iov)
}

func writev(fd int, iov []unix.Iovec) (int, syscall.Errno) {
	return transfer(unix.SYS_WRITEV, fd, iov)
}

func transfer(call uintptr, fd int, iov []unix.Iovec) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// schedYield lets another thread have the CPU that waits for it; at once back if
// there is none.
func schedYield() { unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// epollWait fills events with what is ready now and gives their number.
func epollWait(epfd int, events []unix.EpollEvent) int {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
			uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		if errno == 0 {
			return int(n)
		}
		if errno != unix.EINTR {
			return 0
		}
	}
}

// epollForget takes fd out of the set. It cannot fail for a member.
func epollForget(epfd, fd int) {
	var unused unix.EpollEvent
	unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epfd), unix.EPOLL_CTL_DEL, uintptr(fd),
		uintptr(unsafe.Pointer(&unused)), 0, 0)
}
