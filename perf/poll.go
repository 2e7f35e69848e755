package main

import (
	"errors"

	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
	"ipvd/pmd/dpdk/cloop"
)

// pollEmpty compares a step of a graph whose 64 slaves have sent nothing with a
// loop over their queues.
func pollEmpty(b *bench) (rows []report.Row, err error) {
	const slaves, burst, turns = 64, 32, 100_000
	t, err := b.newBed(bedConfig{frames: [][]byte{make([]byte, traffic.Len4)}, queues: slaves, polled: slaves, burst: burst})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	m := t.newMaster(slaves, 1)
	m.Wire = lane{Port: t.rest, tx: t.rest.Tx()[1:]}
	for k, s := range m.Slaves {
		s.Port = lane{Port: t.sink, rx: t.sink.Rx()[k : k+1], tx: t.sink.Tx()[k : k+1]}
	}
	p, err := t.newPath(m)
	if err != nil {
		return nil, err
	}
	defer p.st.Close()
	loop := measure.Variant{Name: "c-poll-set", Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) {
			cloop.Poll(t.sink.ID(), slaves, burst, turns)
			return turns, nil
		})
	}}
	ours := measure.Variant{Name: "ipvd", Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) {
			for range turns {
				p.st.Step()
			}
			return turns, nil
		})
	}}
	r, err := b.quiet(loop, ours)
	if err != nil {
		return nil, err
	}
	cost := func(v int) measure.Stat {
		return r.Each(func(s []measure.Sample) float64 { return s[v].Cost() })
	}
	times := r.Each(func(s []measure.Sample) float64 { return s[1].Cost() / s[0].Cost() })
	return []report.Row{report.New("poll/empty", "c-poll-set", cost(1), "ns/step", len(r)).
		Against(times).AtMost(1.5).Aim("3.3 ns per slave")}, nil
}
