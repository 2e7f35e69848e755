package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"ipvd/pmd"
	"ipvd/pmd/dpdk"
)

const (
	// feederBurst is what a feeder sends in a step, and the most that it receives.
	feederBurst = 128
	// feederPause is how long a feeder sleeps that has nothing to do.
	feederPause = 100 * time.Microsecond
)

// feeder is the other end of two ports: it sends the same frame by one as fast as that
// takes it, and counts what comes by the other. It has a thread of its own.
type feeder struct {
	rt    *dpdk.Runtime
	pool  *dpdk.Pool
	ports [2]pmd.Port // to send by, and to receive by
	frame []byte
	cpu   int

	on    atomic.Bool // it is its turn
	quit  atomic.Bool
	ended chan error

	v     *pmd.Vector
	sets  []pmd.PollSet // the runtime's first
	out   pmd.Lane
	stock []*pmd.Mbuf // with the frame, sent over and over
}

// startFeeder starts it on a CPU, at rest.
func (b *bench) startFeeder(pool *dpdk.Pool, ports [2]pmd.Port, frame []byte, cpu int) (*feeder, error) {
	f := &feeder{rt: b.rt, pool: pool, ports: ports, frame: frame, cpu: cpu, ended: make(chan error, 1)}
	ready := make(chan error)
	go f.run(ready)
	return f, <-ready
}

// run does not unlock its thread, which ends with the pin.
func (f *feeder) run(ready chan<- error) {
	runtime.LockOSThread()
	_, err := pin(f.cpu)
	var unregister func()
	if err == nil {
		unregister, err = f.rt.Register()
	}
	if err == nil {
		defer unregister()
		err = f.open()
	}
	ready <- err
	for err == nil && !f.quit.Load() {
		if f.on.Load() {
			f.step(true)
		} else {
			f.step(false) // what the peer wants to be looked at is looked at
			time.Sleep(feederPause)
		}
	}
	f.ended <- f.end()
}

// open makes what a worker has.
func (f *feeder) open() (err error) {
	if f.v, err = f.rt.NewVector(f.pool, 4*feederBurst, 2*feederBurst); err != nil {
		return err
	}
	set := func(d pmd.Driver) (pmd.PollSet, error) {
		if d == pmd.Driver(f.rt) {
			return f.sets[0], nil
		}
		s, err := d.NewPollSet(f.v)
		if err == nil {
			f.sets = append(f.sets, s)
		}
		return s, err
	}
	first, err := f.rt.NewPollSet(f.v)
	if err != nil {
		return err
	}
	f.sets = append(f.sets, first)
	s, err := set(f.ports[0].Driver())
	if err != nil {
		return err
	}
	if f.out.Slot, err = s.AddTx(f.ports[0].Tx()[0], false); err != nil {
		return err
	}
	f.out.List = s.TxList()
	if f.ports[1].Driver() != f.ports[0].Driver() {
		return errors.New("feeder: its ports are of two drivers")
	}
	_, err = s.AddRx(f.ports[1].Rx()[0], feederBurst)
	return err
}

// step is one of a worker.
func (f *feeder) step(send bool) {
	for _, s := range f.sets {
		s.Send()
	}
	f.v.Reset()
	for _, s := range f.sets {
		s.Receive()
		for _, seg := range s.RxList().Segs[:s.RxList().N] {
			f.v.DropBurst(pmd.Burst{Off: seg.Off, N: seg.N})
		}
	}
	if send && f.fill() {
		b, _ := f.v.Grow(feederBurst)
		copy(f.v.Packets(b), f.stock)
		f.out.Put(b, 0, 1<<16)
	}
}

// fill makes the frames, or refers to them once more.
func (f *feeder) fill() bool {
	for len(f.stock) < feederBurst {
		m := f.v.Supply()
		if m == nil || !m.SetLen(len(f.frame)) {
			return false
		}
		copy(m.Data(), f.frame)
		f.stock = append(f.stock, m)
	}
	if f.v.Left() < feederBurst || f.out.List.Room() == 0 {
		return false
	}
	for _, m := range f.stock {
		m.AddRefs(1)
	}
	return true
}

// received is how many packets have come so far.
func (f *feeder) received() uint64 { return f.ports[1].Rx()[0].Stats().Packets }

// stop ends the thread, then closes what it used.
func (f *feeder) stop() error {
	f.quit.Store(true)
	return <-f.ended
}

func (f *feeder) end() error {
	if f.v == nil {
		return nil
	}
	for _, m := range f.stock {
		f.v.Drop(m)
	}
	for i := len(f.sets) - 1; i >= 0; i-- {
		f.sets[i].Flush()
	}
	for i := len(f.sets) - 1; i >= 0; i-- {
		f.sets[i].Close()
	}
	f.rt.CloseVector(f.v)
	if n := f.pool.InUse(); n > 4*feederBurst {
		return fmt.Errorf("feeder: %d mbufs are still in use", n)
	}
	return nil
}
