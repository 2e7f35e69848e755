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

// WaitFD is an epoll descriptor of what the queues' drivers have to sleep on, as
// far as they have.
func (s *PollSet) WaitFD() (fd int, all bool) {
	if s.waitFD < 0 {
		s.joinDescriptors()
	}
	return s.waitFD, s.joined == len(s.rxQueues)
}

// joinDescriptors makes waitFD of the queues' descriptors. One that it cannot
// join is looked at.
func (s *PollSet) joinDescriptors() {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return
	}
	for _, q := range s.rxQueues {
		if q.waitFD >= 0 && unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, q.waitFD, &unix.EpollEvent{Events: unix.EPOLLIN}) == nil {
			s.joined++
		}
	}
	if s.waitFD = epfd; s.joined == 0 {
		unix.Close(epfd)
		s.waitFD = -1
	}
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
