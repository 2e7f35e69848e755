package memory_test

import (
	"bytes"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/memory"
)

// rig is a runtime with a vector and a poll set that relays from a to b.
type rig struct {
	rt   *memory.Runtime
	a, b *memory.Port
	vec  *pmd.Vector
	set  pmd.PollSet
}

func newRig(t *testing.T) *rig {
	t.Helper()
	rt, err := memory.NewRuntime(32)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{rt: rt, a: rt.NewPort("a", pmd.Info{}), b: rt.NewPort("b", pmd.Info{})}
	if r.vec, err = rt.NewVector(rt.Pool(), 64, 8); err != nil {
		t.Fatal(err)
	}
	r.set, _ = rt.NewPollSet(r.vec)
	_, errRx := r.set.AddRx(r.a.Rx()[0], 4)
	_, errTx := r.set.AddTx(r.b.Tx()[0], false)
	if errRx != nil || errTx != nil {
		t.Fatal(errRx, errTx)
	}
	t.Cleanup(func() {
		r.set.Flush()
		r.set.Close()
		rt.CloseVector(r.vec)
		if n := rt.Pool().InUse(); n != 0 {
			t.Errorf("%d mbufs lost", n)
		}
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// receive runs a step's first half and gives the frames received.
func (r *rig) receive() (frames [][]byte, b pmd.Burst) {
	r.vec.Reset()
	r.set.Receive()
	if r.set.RxList().N > 0 {
		seg := r.set.RxList().Segs[0]
		b = pmd.Burst{Off: seg.Off, N: seg.N}
	}
	for _, m := range r.vec.Packets(b) {
		frames = append(frames, bytes.Clone(m.Data()))
	}
	return frames, b
}

func TestFramesPutInAreReceivedAndSent(t *testing.T) {
	r := newRig(t)
	long := bytes.Repeat([]byte{7}, memory.MaxFrame)
	for _, frame := range [][]byte{[]byte("short"), long} {
		if err := r.a.Put(frame); err != nil {
			t.Fatal(err)
		}
	}
	frames, b := r.receive()
	if len(frames) != 2 || string(frames[0]) != "short" || !bytes.Equal(frames[1], long) {
		t.Errorf("received %d frames, or other bytes than were put in", len(frames))
	}
	r.set.TxList().Add(0, b)
	r.set.Flush()
	want := pmd.QueueStats{Packets: 2, Bytes: uint64(5 + len(long))}
	if in, out := r.a.Rx()[0].Stats(), r.b.Tx()[0].Stats(); in != want || out != want {
		t.Errorf("received %+v, sent %+v, want %+v", in, out, want)
	}
}

func TestABurstIsNotExceeded(t *testing.T) {
	r := newRig(t)
	for range 5 {
		if err := r.a.Put([]byte("frame")); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{4, 1, 0} {
		frames, b := r.receive()
		if len(frames) != want {
			t.Errorf("received %d frames, want %d", len(frames), want)
		}
		r.vec.DropBurst(b)
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	r := newRig(t)
	if err := r.a.Put(make([]byte, memory.MaxFrame+1)); err == nil {
		t.Error("a frame that is too long was put in")
	}
	if _, err := r.rt.NewVector(r.rt.Pool(), 64, 1000); err == nil {
		t.Error("a vector has a larger stock than there are mbufs")
	}
	other := newRig(t)
	if _, err := r.set.AddRx(other.a.Rx()[0], 1); err == nil {
		t.Error("a poll set took another runtime's queue")
	}
}
