package dpdk

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// readable reports whether fd becomes readable within limit.
func readable(t *testing.T, fd int, limit time.Duration) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for deadline := time.Now().Add(limit); ; {
		n, err := unix.Poll(fds, int(max(0, time.Until(deadline)).Milliseconds()))
		if err == nil {
			return n > 0
		}
		if err != unix.EINTR {
			t.Fatal(err)
		}
	}
}

// receiveOne steps until there is a packet, and frees it.
func (w *worker) receiveOne() {
	w.t.Helper()
	w.step()
	for deadline := time.Now().Add(30 * time.Second); w.v.N == 0; w.step() {
		if time.Now().After(deadline) {
			w.t.Fatal("nothing received")
		}
	}
	w.received()
	w.step()
}

func TestAFXDPIsSleptOnByItsSocket(t *testing.T) {
	l := newLab(t)
	pool := newTestPool(t, 2047)
	port := l.attach(pool)
	w := asWorker(t, pool, 64, 32)
	w.addRx(port, 32)
	w.step()
	fd, all := w.set.WaitFD()
	if fd < 0 || !all {
		t.Fatal("there is nothing to sleep on")
	}
	for range 3 {
		if readable(t, fd, 0) {
			t.Fatal("readable before anything was sent")
		}
		if err := unix.Sendto(l.peer, testFrame(60), 0, nil); err != nil && err != unix.EINVAL {
			t.Fatal(err)
		}
		if !readable(t, fd, 30*time.Second) {
			t.Fatal("not readable when a frame has come")
		}
		w.receiveOne()
	}
	w.closeSet()
}

func TestEachAFXDPQueueHasItsOwnSocket(t *testing.T) {
	l := newLab(t)
	run(t, "ip", "-n", l.name, "link", "add", "wire1", "type", "veth", "peer", "name", "other")
	run(t, "ip", "-n", l.name, "link", "set", "wire1", "up")
	pool := newTestPool(t, 4095)
	near := attachTest(t, "net_af_xdp1,iface=wire1,busy_budget=0", PortOptions{Pool: pool, Netns: int(l.ns.Fd())})
	far := l.attach(pool)
	fd, idle := far.rx[0].(*rxQueue).waitFD, near.rx[0].(*rxQueue).waitFD
	if err := unix.Sendto(l.peer, testFrame(60), 0, nil); err != nil && err != unix.EINVAL {
		t.Fatal(err)
	}
	if !readable(t, fd, 30*time.Second) || readable(t, idle, 0) {
		t.Error("the frame is not at the socket of its queue alone")
	}
}

func TestDriversWithoutInterruptHaveNothingToSleepOn(t *testing.T) {
	pool := newTestPool(t, 2047)
	w := asWorker(t, pool, 64, 32)
	w.addRx(attachTest(t, "net_null0", PortOptions{Pool: pool, Interrupts: true}), 32)
	if fd, all := w.set.WaitFD(); fd >= 0 || all {
		t.Errorf("descriptor %d", fd)
	}
	w.closeSet()
}

func TestOneQueueToLookAtSilencesNoOther(t *testing.T) {
	l := newLab(t)
	pool := newTestPool(t, 4095)
	w := asWorker(t, pool, 64, 32)
	w.addRx(l.attach(pool), 32)
	w.addRx(attachTest(t, "net_ring0", PortOptions{Pool: pool}), 32)
	fd, all := w.set.WaitFD()
	if fd < 0 || all {
		t.Errorf("descriptor %d speaks for all queues: %t", fd, all)
	}
	w.closeSet()
}
