package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/perf/measure"
	"ipvd/perf/report"
)

// wakeSamples is how many datagrams a path gets in a round; wakePause how long
// all who sleep have before the next one: a worker polls for some 100 us first.
const (
	wakeSamples = 300
	wakePause   = 400 * time.Microsecond
)

// wakeSpread is how many times as slow as in its fastest round the relay may be
// in its slowest. To wake a CPU takes a virtual machine's host more or less time
// even when the machine itself is quiet.
const wakeSpread = 2

// Paths that are compared.
const (
	wakeRelay = iota
	wakeTAP
	wakeMaster
)

// idleWake measures how long a datagram takes through a sleeping daemon, from a
// slave and from the wire to another slave, and through a relay in C that sleeps
// in epoll on a TAP. The receiver polls, so that it is not its own sleep that is
// measured; sleepers and it have a CPU each.
func idleWake(b *bench) (rows []report.Row, err error) {
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
	for i := range l.boxes {
		if err := d.addSlave(i, i); err != nil {
			return nil, err
		}
	}
	r, err := startRelay(l, b.cpus[0])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	paths, err := openPaths(l)
	if err != nil {
		return nil, err
	}
	defer closePaths(paths)
	unpin, err := pin(b.cpus[1])
	if err != nil {
		return nil, err
	}
	defer unpin()
	return b.wakeRows(d, paths)
}

// wakeRows compares the paths. The slowest of a hundred datagrams is slow because
// of what else goes on, so one run that misses a bar says little: more are made,
// and all their rounds count. A run in which the relay's own times vary too much
// does not.
func (b *bench) wakeRows(d *daemon, paths []*wakePath) (rows []report.Row, err error) {
	var p50, p99 percentiles
	for range tries {
		more50, more99, err := b.wakeRounds(d, paths)
		if err != nil {
			return nil, err
		}
		if more50.spread(wakeRelay) > wakeSpread {
			continue
		}
		p50, p99 = append(p50, more50...), append(p99, more99...)
		rows = nil
		for _, p := range []struct {
			name string
			path int
		}{{"idle/wake-tap", wakeTAP}, {"idle/wake-master", wakeMaster}} {
			rows = append(rows, p50.row(p.name+"-p50", p.path).AtMost(1.5), p99.row(p.name+"-p99", p.path).AtMost(2))
		}
		if len(report.Failed(rows)) == 0 {
			break
		}
	}
	if rows == nil {
		return nil, fmt.Errorf("idle/wake: the relay's slowest round was over %d times its fastest, %d times over: %w", wakeSpread, tries, measure.ErrNoisy)
	}
	return rows, nil
}

// wakeRounds takes the samples and checks that the worker was asleep.
func (b *bench) wakeRounds(d *daemon, paths []*wakePath) (p50, p99 percentiles, err error) {
	before, err := d.sleeps()
	if err != nil {
		return nil, nil, err
	}
	p50, p99 = make(percentiles, b.rounds), make(percentiles, b.rounds)
	for round := range b.rounds {
		took, err := interleave(paths, wakeSamples)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range took {
			slices.Sort(t)
			p50[round] = append(p50[round], t[len(t)/2])
			p99[round] = append(p99[round], t[len(t)*99/100])
		}
	}
	after, err := d.sleeps()
	// Whoever takes its CPU for a while may keep it from a sleep or two.
	if sent := uint64(b.rounds * wakeSamples * 2); err == nil && after-before < sent*95/100 {
		err = fmt.Errorf("idle/wake: the worker slept %d times before %d datagrams", after-before, sent)
	}
	return p50, p99, err
}

// interleave gives the samples by path, which take turns.
func interleave(paths []*wakePath, n int) ([][]time.Duration, error) {
	took := make([][]time.Duration, len(paths))
	for range n {
		for i, p := range paths {
			// Go's timers are as coarse as a millisecond when nothing else runs.
			_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(wakePause)}, nil)
			t, err := p.sample()
			if err != nil {
				return nil, err
			}
			took[i] = append(took[i], t)
		}
	}
	return took, nil
}

// percentiles are one of each path, by round.
type percentiles [][]time.Duration

func (p percentiles) row(name string, path int) report.Row {
	us := p.each(func(r []time.Duration) float64 { return float64(r[path]) / 1e3 })
	times := p.each(func(r []time.Duration) float64 { return float64(r[path]) / float64(r[wakeRelay]) })
	return report.New(name, "epoll in C", us, "us", len(p)).Against(times)
}

// spread is a path's slowest round over its fastest.
func (p percentiles) spread(path int) float64 {
	s := p.each(func(r []time.Duration) float64 { return float64(r[path]) })
	return s.Max / s.Min
}

func (p percentiles) each(f func(round []time.Duration) float64) measure.Stat {
	all := make([]float64, len(p))
	for i, round := range p {
		all[i] = f(round)
	}
	return measure.Of(all)
}
