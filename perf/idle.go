package main

import (
	"errors"
	"fmt"
	"time"

	"ipvd/perf/measure"
	"ipvd/perf/report"
)

// idleSlaves is how many TAPs a worker looks after while nothing comes.
const idleSlaves = 16

// idleCPU measures what a daemon takes of a CPU when there is nothing to do: with
// the master alone, then with slaves. All of its threads count.
func idleCPU(b *bench) (rows []report.Row, err error) {
	l, err := b.newLab()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	d, err := b.startDaemon(l, b.cpus[0])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.verify(), d.close()) }()
	master, err := b.idleRow(d, "idle/cpu-master")
	if err != nil {
		return nil, err
	}
	for i := range idleSlaves {
		if err := d.addSlave(i, i%len(l.boxes)); err != nil {
			return nil, err
		}
	}
	tap, err := b.idleRow(d, "idle/cpu-tap")
	return []report.Row{master, tap}, err
}

// idleRow waits until what came before is over, and measures.
func (b *bench) idleRow(d *daemon, name string) (report.Row, error) {
	const settle = time.Second
	span := 300 * time.Millisecond
	if b.quick {
		span = 100 * time.Millisecond
	}
	time.Sleep(settle)
	slept, err := d.sleeps()
	if err != nil {
		return report.Row{}, err
	}
	shares := make([]float64, b.rounds)
	for i := range shares {
		begin, before := time.Now(), time.Duration(0)
		if before, err = d.cpuTime(); err != nil {
			return report.Row{}, err
		}
		time.Sleep(span)
		after, err := d.cpuTime()
		if err != nil {
			return report.Row{}, err
		}
		shares[i] = 100 * float64(after-before) / float64(time.Since(begin))
	}
	if now, err := d.sleeps(); err != nil || now == slept {
		return report.Row{}, errors.Join(fmt.Errorf("%s: the worker has not slept", name), err)
	}
	return report.New(name, "", measure.Of(shares), "% of a CPU", len(shares)).AtMost(2).Aim("1"), nil
}
