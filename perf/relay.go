package main

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"ipvd/pmd/dpdk/cloop"
)

// relay hands frames from a TAP in box 0 to one in box 1, on a thread that runs
// the loop in C.
type relay struct {
	taps [2]int
	stop int // eventfd
	end  chan error
}

// relayEnd is the relay's TAP in a box.
func relayEnd(l *lab, box int) wakeEnd {
	return wakeEnd{l.boxes[box], "relay", fmt.Sprintf("10.9.0.%d", box+1)}
}

func relayMAC(box int) string { return fmt.Sprintf("02:00:00:00:09:%02x", box+1) }

// startRelay starts it on a CPU.
func startRelay(l *lab, cpu int) (r *relay, err error) {
	r = &relay{taps: [2]int{-1, -1}, stop: -1}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("relay in C: %w", err), r.close())
		}
	}()
	if r.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return r, err
	}
	for i := range r.taps {
		e := relayEnd(l, i)
		if r.taps[i], err = openTAP(e.ns, e.dev); err != nil {
			return r, err
		}
		if err := errors.Join(in(e.ns, "ip", "link", "set", e.dev, "address", relayMAC(i)),
			in(e.ns, "ip", "addr", "add", e.addr+"/24", "dev", e.dev),
			in(e.ns, "ip", "link", "set", e.dev, "up")); err != nil {
			return r, err
		}
	}
	started := make(chan error)
	r.end = make(chan error, 1)
	go r.run(cpu, started)
	return r, <-started
}

// run does not unlock its thread, which ends with the pin.
func (r *relay) run(cpu int, started chan<- error) {
	runtime.LockOSThread()
	_, err := pin(cpu)
	started <- err
	if err == nil {
		_, err = cloop.Relay(r.taps[0], r.taps[1], r.stop)
	}
	r.end <- err
}

// openTAP makes a TAP that goes when it is closed.
func openTAP(ns, name string) (fd int, err error) {
	fd = -1
	err = inside(ns, func() error {
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
			return err
		}
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		return unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	})
	if err != nil {
		return fd, fmt.Errorf("TAP %s in namespace %s: %w", name, ns, err)
	}
	return fd, nil
}

// close ends the thread, then closes what it used.
func (r *relay) close() error {
	var err error
	if r.end != nil {
		if _, err = unix.Write(r.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err == nil {
			err = <-r.end
		}
	}
	for _, fd := range []int{r.taps[0], r.taps[1], r.stop} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	return err
}
