package main

import (
	"errors"
	"fmt"

	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
)

// egressL2 compares packets from a slave, to the wire and to siblings, with
// packets from the wire to slaves.
func egressL2(b *bench) (rows []report.Row, err error) {
	in, err := b.newIngress(traffic.Addrs4(ingressAddrs), ingressSlaves, 128)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	variants := []measure.Variant{in.forward(), in.reference(), in.path.variant(b.turn)}
	checks := []func() error{in.check}
	for _, dst := range [][6]byte{peerMAC, masterMAC} {
		e, err := b.newEgress(dst)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, e.close()) }()
		variants = append(variants, e.path.variant(b.turn))
		checks = append(checks, e.check)
	}
	r, err := b.quiet(variants...)
	if err != nil {
		return nil, err
	}
	for _, check := range checks {
		err = errors.Join(err, check())
	}
	for i, name := range []string{"egress/l2", "egress/sibling"} {
		v := ipvd + 1 + i
		rows = append(rows, report.New(name, "ingress", r.Rate(v), report.Mpps, len(r)).
			Against(r.Ratio(v, ipvd)).AtLeast(0.8).Aim("0.95"))
	}
	return rows, err
}

// egress is a bed whose source is what slave 0 sends.
type egress struct {
	*bed
	load load
	dst  [6]byte
	path *path
}

// newEgress makes packets from slave 0 to MAC address dst: the peer's, behind
// the wire, or the master's, which is the siblings' as well.
func (b *bench) newEgress(dst [6]byte) (e *egress, err error) {
	addrs := traffic.Addrs4(ingressAddrs)
	l := load{slaves: ingressSlaves, want: make([]uint64, ingressSlaves)}
	for _, i := range traffic.Order(fileLen(len(addrs)), len(addrs)) {
		to := i
		if slaveOf(to, ingressSlaves) == 0 {
			to++ // not to the sender itself
		}
		h := traffic.Header{DstMAC: dst, SrcMAC: masterMAC, Src: addrs[0], Dst: addrs[to]}
		l.frames = append(l.frames, h.UDP())
		l.want[slaveOf(to, ingressSlaves)]++
	}
	e = &egress{load: l, dst: dst}
	if e.bed, err = b.newBed(bedConfig{frames: l.frames, queues: ingressSlaves, burst: 128}); err != nil {
		return e, err
	}
	m := e.newMaster(ingressSlaves, 1)
	m.Wire = lane{Port: e.rest, tx: e.rest.Tx()[1:]}
	m.Slaves[0].Port = lane{Port: e.sink, rx: e.source.Rx(), tx: e.sink.Tx()[:1]}
	if err := give(m, addrs); err != nil {
		return e, errors.Join(err, e.bed.close())
	}
	if e.path, err = e.newPath(m); err != nil {
		return e, errors.Join(err, e.bed.close())
	}
	return e, nil
}

func (e *egress) check() error {
	if e.dst == masterMAC {
		return errors.Join(e.path.check(), e.load.check(e.path.packets, e.path.counted))
	}
	if got := e.rest.Tx()[1].Stats().Packets; got != e.path.packets {
		return fmt.Errorf("the wire got %d packets of %d", got, e.path.packets)
	}
	return e.path.check()
}

func (e *egress) close() error {
	e.path.st.Close()
	return e.bed.close()
}
