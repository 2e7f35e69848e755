package pmdtest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"ipvd/pmd"
)

// recorder is a test that collects its failures instead of failing.
type recorder struct {
	testing.TB
	errs     []string
	cleanups []func()
}

func (r *recorder) Helper()           {}
func (r *recorder) Cleanup(f func())  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Fatal(args ...any) { r.TB.Fatal(args...) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errs = append(r.errs, fmt.Sprintf(format, args...))
}
func (r *recorder) end() string {
	for _, f := range r.cleanups {
		f()
	}
	return strings.Join(r.errs, "; ")
}

func (rt *Runtime) broken() bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return len(rt.problems) > 0
}

// rig is a runtime with a vector and a poll set of each driver.
type rig struct {
	rt    *Runtime
	vec   *pmd.Vector
	own   pmd.PollSet
	other pmd.PollSet
}

func newRig(t testing.TB, mbufs, pkts, stock int) *rig {
	t.Helper()
	rt := NewRuntime(t, mbufs)
	vec, err := rt.NewVector(rt.Pool(), pkts, stock)
	if err != nil {
		t.Fatal(err)
	}
	own, err := rt.NewPollSet(vec)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rt.OtherDriver().NewPollSet(vec)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{rt, vec, own, other}
}

func (r *rig) close() {
	r.own.Flush()
	r.other.Flush()
	r.own.Close()
	r.other.Close()
	r.rt.CloseVector(r.vec)
}

func (r *rig) exchange() {
	r.own.Send()
	r.other.Send()
	r.vec.Reset()
	r.own.Receive()
	r.other.Receive()
}

func must(t testing.TB) func(slot uint32, err error) uint32 {
	return func(slot uint32, err error) uint32 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return slot
	}
}

func TestFramesTravelBetweenTheDrivers(t *testing.T) {
	r := newRig(t, 64, 32, 4)
	a := r.rt.NewPort("a", PortOptions{})
	b := r.rt.OtherDriver().NewPort("b", PortOptions{})
	must(t)(r.own.AddRx(a.Rx()[0], 8))
	must(t)(r.other.AddRx(b.Rx()[0], 8))
	toA := must(t)(r.own.AddTx(a.Tx()[0], false))
	toB := must(t)(r.other.AddTx(b.Tx()[0], false))
	a.Inject(0, []byte("from a"))
	b.Inject(0, []byte("from b"), bytes.Repeat([]byte{7}, 3*DefaultRoom-1))
	r.exchange()
	fromA, fromB := r.own.RxList().Segs[0], r.other.RxList().Segs[0]
	r.other.TxList().Add(toB, pmd.Burst{Off: fromA.Off, N: fromA.N})
	r.own.TxList().Add(toA, pmd.Burst{Off: fromB.Off, N: fromB.N})
	r.exchange()
	if got := b.Sent(0); len(got) != 1 || string(got[0]) != "from a" {
		t.Errorf("b sent %q, want one frame `from a`", got)
	}
	if got := a.Sent(0); len(got) != 2 || string(got[0]) != "from b" || len(got[1]) != 3*DefaultRoom-1 {
		t.Errorf("a sent %d frames, want 2, the second of %d bytes", len(got), 3*DefaultRoom-1)
	}
	if rx, tx := b.Rx()[0].Stats(), a.Tx()[0].Stats(); rx.Packets != 2 || tx.Packets != 2 || rx.Bytes != tx.Bytes {
		t.Errorf("b received %+v, a sent %+v, want 2 packets of the same length", rx, tx)
	}
	r.close()
}

func TestQueueCountsWhatItCannotTake(t *testing.T) {
	r := newRig(t, 64, 32, 0)
	p := r.rt.NewPort("p", PortOptions{TxCapacity: 2, Caps: pmd.Caps{MaxFrame: 10}})
	must(t)(r.own.AddRx(p.Rx()[0], 32))
	must(t)(r.own.AddTx(p.Tx()[0], false))
	send := func(frames ...[]byte) {
		p.Inject(0, frames...)
		r.exchange()
		r.own.TxList().Add(0, pmd.Burst{N: uint32(r.vec.N)})
		r.exchange()
	}
	short := []byte("short")
	send(short, []byte("longer than ten"), short, short, short)
	p.SetCarrier(false)
	send(short)
	got := p.Tx()[0].Stats()
	want := pmd.QueueStats{Packets: 2, Bytes: 10, Full: 2, TooBig: 1, Refused: 1}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.close()
}

func TestReceiveCountsFramesWithoutMbuf(t *testing.T) {
	r := newRig(t, 4, 32, 0)
	p := r.rt.NewPort("p", PortOptions{})
	must(t)(r.own.AddRx(p.Rx()[0], 32))
	p.Inject(0, make([]byte, 60), make([]byte, 60), make([]byte, 5*DefaultRoom), make([]byte, 60))
	r.exchange()
	if got := p.Rx()[0].Stats(); got.Packets != 3 || got.NoMbuf != 1 {
		t.Errorf("got %+v, want 3 packets and 1 without mbuf", got)
	}
	r.vec.DropBurst(pmd.Burst{N: uint32(r.vec.N)})
	r.close()
}

func TestReplayNeverRunsDry(t *testing.T) {
	r := newRig(t, 64, 32, 0)
	p := r.rt.NewPort("p", PortOptions{})
	must(t)(r.own.AddRx(p.Rx()[0], 8))
	p.Replay(0, []byte("x"), []byte("y"))
	allocs := testing.AllocsPerRun(20, func() {
		r.exchange()
		r.vec.DropBurst(pmd.Burst{N: uint32(r.vec.N)})
	})
	if got := p.Rx()[0].Stats().Packets; got != 21*8 || allocs != 0 {
		t.Errorf("received %d packets with %v allocations a step, want %d without", got, allocs, 21*8)
	}
	r.close()
}

func TestBrokenRulesFailTheTest(t *testing.T) {
	for name, tc := range map[string]struct {
		breakIt func(r *rig)
		want    string
	}{
		"lost mbuf": {func(r *rig) { r.rt.Pool().Get(); r.close() }, "1 of 16 mbufs lost"},
		"freed twice": {func(r *rig) {
			m := r.rt.Pool().Get()
			r.vec.Drop(m)
			r.vec.Drop(m)
			r.close()
		}, "freed twice"},
		"open poll set": {func(r *rig) { r.own.Close(); r.rt.CloseVector(r.vec) }, "1 poll sets not closed"},
		"open vector":   {func(r *rig) { r.own.Close(); r.other.Close() }, "1 vectors not closed"},
		"port closed in use": {func(r *rig) {
			p := r.rt.NewPort("p", PortOptions{})
			r.own.AddRx(p.Rx()[0], 1)
			p.Close()
			r.close()
		}, "port p closed while poll sets hold 1"},
		"closed with packets to send": {func(r *rig) {
			p := r.rt.NewPort("p", PortOptions{})
			r.own.AddTx(p.Tx()[0], false)
			b, _ := r.vec.Append(r.rt.Pool().Get())
			r.own.TxList().Add(0, b)
			r.own.Close()
			r.other.Close()
			r.rt.CloseVector(r.vec)
		}, "closed with 1 segments"},
		"nothing": {func(r *rig) { r.close() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{TB: t}
			tc.breakIt(newRig(rec, 16, 16, 2))
			got := rec.end()
			if !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") {
				t.Errorf("reported %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTwoWorkersOnOneQueueFailTheTest(t *testing.T) {
	rec := &recorder{TB: t}
	r := newRig(rec, 16, 16, 0)
	second, err := r.rt.NewPollSet(r.vec)
	if err != nil {
		t.Fatal(err)
	}
	p := r.rt.NewPort("p", PortOptions{})
	must(t)(r.own.AddRx(p.Rx()[0], 1))
	must(t)(second.AddRx(p.Rx()[0], 1))
	resume := p.Stall(0)
	var stuck sync.WaitGroup
	stuck.Go(r.own.Receive)
	q := p.Rx()[0].(*RxQueue)
	for !q.driving.Load() {
		runtime.Gosched()
	}
	stuck.Go(second.Receive)
	for !r.rt.broken() {
		runtime.Gosched()
	}
	resume()
	stuck.Wait()
	second.Close()
	r.close()
	if got := rec.end(); !strings.Contains(got, "two workers at once") {
		t.Errorf("reported %q, want two workers at once", got)
	}
}

func TestFailuresAreGivenAndUndone(t *testing.T) {
	r := newRig(t, 16, 16, 0)
	want := errors.New("out of order")
	p := r.rt.NewPort("p", PortOptions{})
	r.rt.Fail(Failures{PollSet: want, Vector: want, Register: want})
	p.Fail(want)
	_, errSet := r.rt.NewPollSet(r.vec)
	_, errVec := r.rt.NewVector(r.rt.Pool(), 1, 0)
	_, errReg := r.rt.Register()
	_, errRx := r.own.AddRx(p.Rx()[0], 1)
	_, errTx := r.own.AddTx(p.Tx()[0], false)
	for what, err := range map[string]error{"NewPollSet": errSet, "NewVector": errVec, "Register": errReg,
		"AddRx": errRx, "AddTx": errTx, "SetMTU": p.SetMTU(9000)} {
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
	p.Fail(nil)
	if err := p.SetMTU(9000); err != nil || p.Info().MTU != 9000 {
		t.Errorf("SetMTU(9000): %v, MTU %d", err, p.Info().MTU)
	}
	p.Close()
	if err := p.SetMTU(1500); !errors.Is(err, pmd.ErrClosed) || !p.Closed() {
		t.Errorf("SetMTU after Close: got %v, want ErrClosed", err)
	}
	if _, err := r.rt.NewVector(r.rt.Pool(), 1, 0); err == nil {
		t.Error("NewVector succeeds while it should fail")
	}
	r.rt.Fail(Failures{})
	if _, err := r.rt.NewVector(r.rt.Pool(), 1, 17); !errors.Is(err, pmd.ErrNoMemory) {
		t.Errorf("vector with a stock over the pool's size: got %v, want ErrNoMemory", err)
	}
	r.close()
}

func TestQueuesOfTheOtherDriverAreRefused(t *testing.T) {
	r := newRig(t, 16, 16, 0)
	p := r.rt.OtherDriver().NewPort("p", PortOptions{})
	if _, err := r.own.AddRx(p.Rx()[0], 1); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("AddRx: got %v, want ErrUnsupported", err)
	}
	if _, err := r.own.AddTx(p.Tx()[0], false); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("AddTx: got %v, want ErrUnsupported", err)
	}
	r.close()
}
