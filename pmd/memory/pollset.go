package memory

import (
	"fmt"

	"ipvd/pmd"
)

// listLen is how many segments the TX list has room for; an output sends what a
// full one has.
const listLen = 1024

// pollSet drives the queues of a graph.
type pollSet struct {
	rt     *Runtime
	vec    *pmd.Vector
	rx     []*Port // by slot
	bursts []int
	tx     []*Port
	rxList pmd.SegList
	txList pmd.SegList
}

// NewPollSet makes a poll set.
func (rt *Runtime) NewPollSet(v *pmd.Vector) (pmd.PollSet, error) {
	return &pollSet{rt: rt, vec: v, txList: pmd.SegList{Segs: make([]pmd.Seg, listLen)}}, nil
}

// own gives the port of a queue of this runtime.
func (s *pollSet) own(p pmd.Port) (*Port, error) {
	mine, ok := p.(*Port)
	if !ok || mine.rt != s.rt {
		return nil, fmt.Errorf("poll set: port %s: %w", p.Name(), pmd.ErrUnsupported)
	}
	return mine, nil
}

func (s *pollSet) AddRx(q pmd.RxQueue, burst int) (slot uint32, err error) {
	p, err := s.own(q.Port())
	if err != nil {
		return 0, err
	}
	s.rxList.Segs = append(s.rxList.Segs, pmd.Seg{})
	s.rx, s.bursts = append(s.rx, p), append(s.bursts, burst)
	return uint32(len(s.rx) - 1), nil
}

func (s *pollSet) AddTx(q pmd.TxQueue, _ bool) (slot uint32, err error) {
	p, err := s.own(q.Port())
	if err != nil {
		return 0, err
	}
	s.tx = append(s.tx, p)
	return uint32(len(s.tx) - 1), nil
}

func (s *pollSet) TxList() *pmd.SegList { return &s.txList }
func (s *pollSet) RxList() *pmd.SegList { return &s.rxList }

// Send is done by Receive.
func (s *pollSet) Send() {}

func (s *pollSet) Receive() {
	s.Flush()
	s.rt.restock(s.vec)
	s.rxList.N = 0
	for slot, p := range s.rx {
		off := s.vec.N
		for n := 0; n < s.bursts[slot] && len(p.in) > 0 && s.receive(p); n++ {
		}
		if n := s.vec.N - off; n > 0 {
			s.rxList.Add(uint32(slot), pmd.Burst{Off: uint32(off), N: uint32(n)})
		}
	}
}

// receive appends p's next frame to the vector; false when there is no room.
func (s *pollSet) receive(p *Port) bool {
	if s.vec.Left() == 0 {
		return false
	}
	frame := p.in[0]
	p.in = p.in[1:]
	m := s.rt.pool.get()
	if m == nil {
		p.rx.stats.NoMbuf++
		return false
	}
	m.SetLen(len(frame)) // Put has refused what does not fit
	copy(m.Data(), frame)
	s.vec.Append(m)
	p.rx.stats.Packets++
	p.rx.stats.Bytes += uint64(len(frame))
	return true
}

func (s *pollSet) Flush() {
	for _, seg := range s.txList.Segs[:s.txList.N] {
		p := s.tx[seg.Slot]
		for _, m := range s.vec.Packets(pmd.Burst{Off: seg.Off, N: seg.N}) {
			p.tx.stats.Packets++
			p.tx.stats.Bytes += uint64(m.Len())
			s.rt.free(m)
		}
	}
	s.txList.N = 0
	s.rt.freeGiven(s.vec)
}

func (s *pollSet) Close() {}
