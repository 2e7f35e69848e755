package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

var _ pmd.Interrupter = (*PollSet)(nil)

// findDescriptors finds what a worker can sleep on until each RX queue has
// packets. That of af_xdp is the queue's socket, readable while its ring holds
// any (xsk_poll in net/xdp/xsk.c). Of the driver's RX interrupts those count that
// can be switched, if they were asked for.
func (p *Port) findDescriptors(conf *C.struct_ipvd_conf) {
	for i, q := range p.rx {
		q := q.(*rxQueue)
		switch {
		case p.quirk.xdp && i < len(conf.xdp_fd):
			q.waitFD = int(conf.xdp_fd[i])
		case conf.interrupts != 0:
			q.waitFD = int(C.ipvd_interrupt_open(p.id, q.c.queue))
			q.interrupts = q.waitFD >= 0
		}
	}
}

// closeDescriptors undoes findDescriptors, before the device is removed.
func (p *Port) closeDescriptors() {
	for _, q := range p.rx {
		if q := q.(*rxQueue); q.interrupts {
			C.ipvd_interrupt_close(p.id, q.c.queue, C.int(q.waitFD))
			q.interrupts, q.waitFD = false, -1
		}
	}
}

// WaitFD is an epoll descriptor of what the queues' drivers have to sleep on; -1
// when a queue has nothing. It is the same in every call after the last AddRx.
func (s *PollSet) WaitFD() int {
	if s.waitFD < 0 {
		s.waitFD = joinDescriptors(s.rxQueues)
	}
	return s.waitFD
}

// joinDescriptors gives an epoll descriptor with those of all queues; -1 if it
// cannot.
func joinDescriptors(queues []*rxQueue) int {
	for _, q := range queues {
		if q.waitFD < 0 {
			return -1
		}
	}
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return -1
	}
	for _, q := range queues {
		if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, q.waitFD, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
			unix.Close(epfd)
			return -1
		}
	}
	return epfd
}

// Arm switches the queues' interrupts on. A socket needs no switch.
func (s *PollSet) Arm() {
	for _, q := range s.rxQueues {
		if q.interrupts {
			C.ipvd_interrupt_arm(q.c)
		}
	}
}

// Disarm switches the queues' interrupts off and takes back what they raised.
func (s *PollSet) Disarm() {
	for _, q := range s.rxQueues {
		if q.interrupts {
			C.ipvd_interrupt_disarm(q.c, C.int(q.waitFD))
		}
	}
}
