package pmdtest

import (
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

var (
	_ pmd.Interrupter = (*pollSet)(nil)
	_ pmd.Gatherer    = (*pollSet)(nil)
)

// Gather is the longest that an option of the set's ports says.
func (s *pollSet) Gather() (d time.Duration) {
	for _, r := range s.rx {
		d = max(d, r.q.gather)
	}
	return d
}

// WaitFD is an eventfd that Inject makes readable between Arm and Disarm, for
// ports whose options say so.
func (s *pollSet) WaitFD() (fd int, all bool) {
	able := 0
	for _, r := range s.rx {
		if r.q.interrupts {
			able++
		}
	}
	if s.eventFD < 0 && able > 0 {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			s.rt.fault("eventfd: %v", err)
		}
		s.eventFD = fd
	}
	return s.eventFD, able == len(s.rx)
}

// Arm makes the queues report what is injected from now on.
func (s *pollSet) Arm() { s.report(s.eventFD) }

// Disarm undoes Arm.
func (s *pollSet) Disarm() {
	s.report(-1)
	var n [8]byte
	_, _ = unix.Read(s.eventFD, n[:]) // it is empty unless something was injected
}

func (s *pollSet) report(fd int) {
	for _, r := range s.rx {
		r.q.mu.Lock()
		r.q.reportTo = fd
		r.q.mu.Unlock()
	}
}

// interrupt tells whoever sleeps on the queue. Under q.mu.
func (q *RxQueue) interrupt() {
	if q.interrupts && q.reportTo >= 0 {
		one := [8]byte{1}
		_, _ = unix.Write(q.reportTo, one[:]) // nobody injects 2^64 times
	}
}
