package main

import (
	"errors"
	"fmt"

	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
)

const manySlaves = 1024

// ingressManySlaves compares 1,024 slaves with 16, on the same packets.
func ingressManySlaves(b *bench) (rows []report.Row, err error) {
	addrs := traffic.Addrs4(ingressAddrs)
	few, many := ingressLoad(addrs, fileLen(len(addrs)), ingressSlaves), ingressLoad(addrs, fileLen(len(addrs)), manySlaves)
	t, err := b.newBed(bedConfig{frames: many.frames, queues: manySlaves, burst: 128})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	variants := []measure.Variant{t.forward()}
	var checks []func() error
	for _, l := range []load{few, many} {
		m := t.newMaster(l.slaves, 1)
		if err := give(m, addrs); err != nil {
			return nil, err
		}
		p, err := t.newPath(m)
		if err != nil {
			return nil, err
		}
		defer p.st.Close()
		v := p.variant(b.turn)
		v.Name = fmt.Sprintf("%d slaves", l.slaves)
		variants = append(variants, v)
		checks = append(checks, p.check, func() error { return l.check(p.packets, p.counted) })
	}
	r, err := b.quiet(variants...)
	if err != nil {
		return nil, err
	}
	for _, check := range checks {
		err = errors.Join(err, check())
	}
	const with16, with1024 = 1, 2
	return []report.Row{report.New("ingress/slaves-1024", "16 slaves", r.Rate(with1024), report.Mpps, len(r)).
		Against(r.Ratio(with1024, with16)).AtLeast(0.75).Aim("0.95")}, err
}
