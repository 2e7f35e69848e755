package main

import (
	"errors"
	"time"

	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
	"ipvd/pmd/dpdk/cloop"
)

// Poll gaps are counted for so long in turns of ipvd and the loop, 30 s in all.
const (
	gapTime      = 100 * time.Microsecond
	gapTurn      = time.Second
	gapTurns     = 15
	gapTurnQuick = 1
)

// gaps counts how often more than 100 us pass between two polls, in ipvd and in
// a loop in C, which the same machine interrupts.
func gaps(b *bench) (rows []report.Row, err error) {
	in, err := b.newIngress(traffic.Addrs4(ingressAddrs), ingressSlaves, 128)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	turns := gapTurns
	if b.quick {
		turns = gapTurnQuick
	}
	var ours, loops uint64
	for range turns {
		loops += cloop.Gaps(in.source.ID(), in.sink.ID(), 128, gapTurn, gapTime)
		ours += in.gaps(gapTurn)
	}
	n := float64(ours)
	row := report.New("gaps/100us", "c-loop", measure.Stat{Median: n, Min: n, Max: n}, "gaps", turns).AtMost(2*float64(loops) + 10)
	if b.quick {
		row.OK, row.Why = nil, "not judged: less than 30 s"
	}
	return []report.Row{row}, nil
}

// gaps steps for a while and counts the gaps.
func (in *ingress) gaps(during time.Duration) (n uint64) {
	begin := time.Now()
	for last := begin; last.Sub(begin) < during; {
		in.path.st.Step()
		now := time.Now()
		if now.Sub(last) > gapTime {
			n++
		}
		last = now
	}
	in.path.st.Flush()
	return n
}
