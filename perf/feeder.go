package main

import (
	"errors"
	"fmt"

	"ipvd/pmd"
	"ipvd/pmd/dpdk"
)

// feederBurst is what a feeder sends in a turn: what every ring has room for.
const feederBurst = 512

// feeder is the other end of two ports: it sends the same frame by one, and takes what
// comes by the other. It has its turns on the bench's thread, which are not timed.
type feeder struct {
	v     *pmd.Vector
	rt    *dpdk.Runtime
	sets  []pmd.PollSet // the runtime's first
	ports [2]pmd.Port   // to send by, and to receive by
	list  *pmd.SegList
	slot  uint32
	stock []*pmd.Mbuf // with the frame, sent over and over
	got   int         // in the last turn
}

func (b *bench) newFeeder(pool *dpdk.Pool, ports [2]pmd.Port, frame []byte) (f *feeder, err error) {
	f = &feeder{rt: b.rt, ports: ports}
	if f.v, err = b.rt.NewVector(pool, 4*feederBurst, feederBurst+64); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	first, err := b.rt.NewPollSet(f.v)
	if err != nil {
		return f, err
	}
	f.sets = append(f.sets, first)
	s := first
	if d := ports[0].Driver(); d != pmd.Driver(b.rt) {
		if s, err = d.NewPollSet(f.v); err != nil {
			return f, err
		}
		f.sets = append(f.sets, s)
	}
	if f.slot, err = s.AddTx(ports[0].Tx()[0], false); err == nil {
		_, err = s.AddRx(ports[1].Rx()[0], 256)
	}
	if err != nil {
		return f, err
	}
	f.list = s.TxList()
	f.step() // the stock is filled by a step
	for range feederBurst {
		m := f.v.Supply()
		if m == nil || !m.SetLen(len(frame)) {
			return f, fmt.Errorf("feeder: pool %s has too few mbufs, or too small ones", pool.Name())
		}
		copy(m.Data(), frame)
		f.stock = append(f.stock, m)
	}
	return f, nil
}

// step is one of a worker. What it receives it counts and drops.
func (f *feeder) step() {
	for _, s := range f.sets {
		s.Send()
	}
	f.v.Reset()
	for _, s := range f.sets {
		s.Receive()
		for _, seg := range s.RxList().Segs[:s.RxList().N] {
			f.got += int(seg.N)
			f.v.DropBurst(pmd.Burst{Off: seg.Off, N: seg.N})
		}
	}
}

// send fills the subject's ring. All must be taken.
func (f *feeder) send() error {
	before := f.ports[0].Tx()[0].Stats()
	b, ok := f.v.Grow(feederBurst)
	if !ok {
		return errors.New("feeder: its vector is full")
	}
	copy(f.v.Packets(b), f.stock)
	for _, m := range f.stock {
		m.AddRefs(1)
	}
	f.list.Add(f.slot, b)
	f.step()
	f.step()
	if after := f.ports[0].Tx()[0].Stats(); after.Packets-before.Packets != feederBurst {
		return fmt.Errorf("feeder: %d of %d packets were taken: %+v", after.Packets-before.Packets, feederBurst, after)
	}
	return nil
}

// receive takes what the subject has handed on, which must be all that it got.
func (f *feeder) receive() error {
	f.got = 0
	for range 100 {
		if f.step(); f.got == feederBurst {
			return nil
		}
	}
	return fmt.Errorf("feeder: %d packets came, %d were sent", f.got, feederBurst)
}

func (f *feeder) close() error {
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
	return nil
}
