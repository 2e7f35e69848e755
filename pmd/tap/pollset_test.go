package tap

import (
	"errors"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

func TestWaitFDIsReadableWhileFramesWait(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	sock := packetSocket(t, p)
	r := newRig(t, 64, 16, 8)
	r.slots(p, 8)
	if readable(r.taps) {
		t.Error("readable without a frame")
	}
	send(t, sock, frame(60, 1))
	if !readable(r.taps) {
		t.Error("not readable with a frame")
	}
	r.step()
	r.received()
	if readable(r.taps) {
		t.Error("readable when all was read")
	}
}

func TestDeletedNamespaceMakesThePortGone(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	other, otherFD := testNetns(t)
	alive := upPort(t, other, otherFD, "eth0", 1500)
	sock := packetSocket(t, alive)
	r := newRig(t, 64, 16, 8)
	_, tx := r.slots(p, 8)
	r.slots(alive, 8)
	unix.Close(fd)
	run(t, "ip", "netns", "del", ns)
	for !p.Gone() { // the kernel wakes readers before it takes the interface away
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(r.taps.epfd), Events: unix.POLLIN}}, 10_000); n != 1 {
			t.Fatalf("nothing wakes the worker: poll gives %d, %v", n, err)
		}
		r.step()
	}
	if readable(r.taps) {
		t.Error("the poll set is still readable")
	}
	r.queue(tx, frame(60, 1))
	f := frame(60, 2)
	send(t, sock, f)
	r.step()
	sameFrames(t, r.received(), f)
	if st := p.Tx()[0].Stats(); st.Refused != 1 {
		t.Errorf("stats are %+v, want 1 refused", st)
	}
}

func TestSendNoticesADeletedInterface(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	r := newRig(t, 64, 16, 8)
	tx, err := r.taps.AddTx(p.Tx()[0], true)
	if err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "-n", ns, "link", "del", "eth0")
	r.queue(tx, frame(60, 1))
	r.queue(tx, frame(60, 1))
	r.step()
	if st := p.Tx()[0].Stats(); st.Refused != 2 || !p.Gone() {
		t.Errorf("stats are %+v, gone %t; want 2 refused, true", st, p.Gone())
	}
}

func TestForeignQueuesAndEmptyBurstsAreRefused(t *testing.T) {
	testNetns(t)
	p := mustOpen(t, Config{})
	r := newRig(t, 64, 16, 8)
	foreign := r.rt.NewPort("foreign", pmdtest.PortOptions{})
	defer foreign.Close()
	if _, err := r.taps.AddRx(foreign.Rx()[0], 8); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("AddRx of a foreign queue: %v", err)
	}
	if _, err := r.taps.AddTx(foreign.Tx()[0], false); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("AddTx of a foreign queue: %v", err)
	}
	if _, err := r.taps.AddRx(p.Rx()[0], 0); err == nil {
		t.Error("AddRx with a burst of 0 succeeded")
	}
}

func TestWorkersSharingAPortCountEveryPacket(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	r := newRig(t, 64, 16, 8)
	workers := []*rig{r, {t: t, rt: r.rt}}
	workers[1].addWorker(16, 8)
	const steps = 500
	var wg sync.WaitGroup
	for _, w := range workers {
		_, tx := w.slots(p, 8)
		wg.Go(func() {
			for i := range steps {
				w.queue(tx, frame(60, i))
				w.step()
				w.received()
			}
			w.step()
		})
	}
	wg.Wait()
	if st := p.Tx()[0].Stats(); st.Packets != 2*steps || st.Bytes != 2*steps*60 {
		t.Errorf("stats are %+v, want %d packets of 60 bytes", st, 2*steps)
	}
}

func TestAStepAllocatesNothing(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 9000)
	sock := packetSocket(t, p)
	r := newRig(t, 128, 16, 32)
	rx, tx := r.slots(p, 8)
	f := frame(9014, 1)
	allocs := testing.AllocsPerRun(100, func() {
		send(t, sock, f, f)
		r.taps.Send()
		r.v.Reset()
		r.first.Receive()
		r.taps.Receive()
		if l := r.taps.RxList(); l.N == 1 && l.Segs[0].Slot == rx {
			r.taps.TxList().Add(tx, pmd.Burst{Off: l.Segs[0].Off, N: l.Segs[0].N})
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a step, want 0", allocs)
	}
	if st := p.Tx()[0].Stats(); st.Packets < 200 {
		t.Errorf("stats are %+v, want at least 200 packets", st)
	}
}
