// Package peertest drives ports of pmd/peer in tests, on the test's own goroutine.
package peertest

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
	"ipvd/pmd/peer"
	"ipvd/pmd/pmdtest"
)

// Limit is how long a test waits for what another process does.
const Limit = 30 * time.Second

// Rig is a worker with ports. It fails its test when an mbuf is lost.
type Rig struct {
	RT  *pmdtest.Runtime
	Set *peer.PollSet

	t     testing.TB
	v     *pmd.Vector
	first pmd.PollSet
	ports []*peer.Port
	rx    []uint32 // slots of the first queues
	tx    []uint32
	got   [][][]byte // received and not asked for yet
}

// New makes a rig of ports, which it closes when the test ends. A rig reads and
// sends only in its steps.
func New(t testing.TB, ports ...*peer.Port) *Rig {
	t.Helper()
	r := &Rig{t: t, RT: pmdtest.NewRuntime(t, 4096), ports: ports, got: make([][][]byte, len(ports))}
	var err error
	if r.v, err = r.RT.NewVector(r.RT.Pool(), 512, 256); err != nil {
		t.Fatal(err)
	}
	if r.first, err = r.RT.NewPollSet(r.v); err != nil {
		t.Fatal(err)
	}
	set, err := peer.Driver{}.NewPollSet(r.v)
	if err != nil {
		t.Fatal(err)
	}
	r.Set = set.(*peer.PollSet)
	for _, p := range ports {
		rx, err := set.AddRx(p.Rx()[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		tx, err := set.AddTx(p.Tx()[0], false)
		if err != nil {
			t.Fatal(err)
		}
		r.rx, r.tx = append(r.rx, rx), append(r.tx, tx)
	}
	t.Cleanup(r.close)
	r.Step()
	return r
}

func (r *Rig) close() {
	r.first.Flush()
	r.Set.Flush()
	r.Set.Close()
	for _, p := range r.ports {
		if err := p.Close(); err != nil {
			r.t.Error(err)
		}
	}
	r.first.Flush()
	r.first.Close()
	r.RT.CloseVector(r.v)
}

// Step is a worker's step: what it receives is kept for Received.
func (r *Rig) Step() {
	r.first.Send()
	r.Set.Send()
	r.v.Reset()
	r.first.Receive()
	r.Set.Receive()
	for _, seg := range r.Set.RxList().Segs[:r.Set.RxList().N] {
		b := pmd.Burst{Off: seg.Off, N: seg.N}
		for i, slot := range r.rx {
			if slot != seg.Slot {
				continue
			}
			for _, m := range r.v.Packets(b) {
				f := pmdtest.Bytes(m)
				if len(f) != m.Len() {
					r.t.Errorf("packet of %d bytes has %d in its segments", m.Len(), len(f))
				}
				r.got[i] = append(r.got[i], f)
			}
		}
		r.v.DropBurst(b)
	}
}

// Received takes what port i has received in steps so far.
func (r *Rig) Received(i int) [][]byte {
	got := r.got[i]
	r.got[i] = nil
	return got
}

// Queue queues frames for port i, to be sent with the next step.
func (r *Rig) Queue(i int, frames ...[]byte) {
	r.t.Helper()
	for _, f := range frames {
		r.QueueUnfinished(i, f, pmd.VnetHdr{})
	}
}

// QueueUnfinished is Queue for a frame with a virtio-net header, if that is not
// zero.
func (r *Rig) QueueUnfinished(i int, f []byte, h pmd.VnetHdr) {
	r.t.Helper()
	m := r.mbuf(f)
	if *m.Vnet() = h; h != (pmd.VnetHdr{}) && !offload.Accept(m) {
		r.t.Fatalf("header %+v is not accepted", h)
	}
	if m.Offload() {
		r.v.Offloads++
	}
	b, ok := r.v.Append(m)
	if !ok || !r.Set.TxList().Add(r.tx[i], b) {
		r.t.Fatal("no room to send")
	}
}

func (r *Rig) mbuf(f []byte) *pmd.Mbuf {
	head := r.RT.Pool().Get()
	segs, lens, last := []*pmd.Mbuf(nil), []int(nil), head
	for {
		lens = append(lens, copy(last.Room(), f))
		if f = f[lens[len(lens)-1]:]; len(f) == 0 {
			break
		}
		last = r.RT.Pool().Get()
		segs = append(segs, last)
	}
	head.Chain(segs, lens)
	return head
}

// Await steps until ok says yes.
func (r *Rig) Await(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(Limit); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("not within %v: %s", Limit, what)
		}
		r.Step()
	}
}

// Wants steps until port i has received as many frames as want, which they must be.
func (r *Rig) Wants(i int, want ...[]byte) {
	r.t.Helper()
	var got [][]byte
	r.Await("frames come", func() bool {
		got = append(got, r.Received(i)...)
		return len(got) >= len(want)
	})
	if len(got) != len(want) {
		r.t.Fatalf("port %d: got %d frames, want %d", i, len(got), len(want))
	}
	for k := range got {
		if !bytes.Equal(got[k], want[k]) {
			r.t.Errorf("port %d, frame %d: got %d bytes %.64x, want %d bytes %.64x", i, k, len(got[k]), got[k], len(want[k]), want[k])
		}
	}
}

// Frame is a frame of n bytes that depends on seed.
func Frame(n, seed int) []byte {
	f := make([]byte, n)
	for i := range f {
		f[i] = byte(i*7 + i>>8 + seed)
	}
	return f
}

// Vector is the worker's.
func (r *Rig) Vector() *pmd.Vector { return r.v }

// Burst puts a frame into the vector.
func (r *Rig) Burst(f []byte) pmd.Burst {
	r.t.Helper()
	b, ok := r.v.Append(r.mbuf(f))
	if !ok {
		r.t.Fatal("the vector is full")
	}
	return b
}

// Readable reports whether the set's descriptor becomes readable within limit.
func (r *Rig) Readable(limit time.Duration) bool {
	r.t.Helper()
	fd, all := r.Set.WaitFD()
	if !all {
		r.t.Error("some queues must be looked at")
	}
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(limit/time.Millisecond))
	if err != nil && err != unix.EINTR {
		r.t.Fatal(err)
	}
	return n == 1
}

// Through sends frames of many lengths through a program that hands on what comes by
// either of the rig's ports to the other.
func (r *Rig) Through() {
	r.t.Helper()
	r.Await("frames pass", func() bool {
		r.Queue(0, Frame(60, 1))
		r.Step()
		return len(r.Received(1)) > 0
	})
	for n := range 1000 {
		f := Frame(61+n%1400, n)
		r.Queue(n%2, f)
		r.Await("a frame comes through", func() bool {
			for _, g := range r.Received(1 - n%2) {
				if len(g) == 60 { // one of those before
					continue
				}
				if !bytes.Equal(g, f) {
					r.t.Fatalf("frame %d: got %d bytes, want %d", n, len(g), len(f))
				}
				return true
			}
			return false
		})
	}
}
