package main

import (
	"errors"
	"fmt"

	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
	"ipvd/pmd/dpdk/cloop"
)

const copySlaves = 64

// replicate64 compares broadcasts to 64 slaves and the host with a loop in C
// that sends to as many queues.
func replicate64(b *bench) (rows []report.Row, err error) {
	const burst, packets, copies = 128, 1 << 15, copySlaves + 1
	h := traffic.Header{DstMAC: [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, SrcMAC: peerMAC,
		Src: traffic.Addrs4(1)[0], Dst: traffic.Addrs4(2)[1]}
	l := load{frames: make([][]byte, 4096)}
	for i := range l.frames {
		l.frames[i] = h.UDP()
	}
	t, err := b.newBed(bedConfig{frames: l.frames, queues: copies, burst: burst})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	m := t.newMaster(copySlaves, 1)
	m.Host = lane{Port: t.sink, tx: t.sink.Tx()[copySlaves:]}
	p, err := t.newPath(m)
	if err != nil {
		return nil, err
	}
	defer p.st.Close()
	loop := measure.Variant{Name: "c-loop", Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) {
			n, err := received(cloop.Replicate(t.source.ID(), t.sink.ID(), copies, burst, packets), packets)
			return n * copies, err
		})
	}}
	ours := measure.Variant{Name: "ipvd", Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) {
			n, err := p.run(packets)
			return n * copies, err
		})
	}}
	r, err := b.quiet(t.forward(), loop, ours)
	if err != nil {
		return nil, err
	}
	for k := range copies {
		if got := p.counted(k); got != p.packets {
			err = errors.Join(err, fmt.Errorf("queue %d got %d copies of %d packets", k, got, p.packets))
		}
	}
	return []report.Row{report.New("replicate/64", "c-loop", r.Rate(ipvd), "Mcopies/cpu-s", len(r)).
		Against(r.Ratio(ipvd, cReference)).AtLeast(0.9).Aim("150 M copies/s")}, errors.Join(err, p.check())
}
