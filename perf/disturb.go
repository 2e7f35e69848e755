package main

import (
	"errors"
	"math"
	"runtime"
	"time"

	"ipvd/flows/ipvlan"
	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
)

// beside runs work every millisecond, on a goroutine of its own, while the
// variant runs.
func beside(v measure.Variant, name string, work func() error) measure.Variant {
	return measure.Variant{Name: name, Run: func() (measure.Sample, error) {
		stop, done := make(chan struct{}), make(chan error, 1)
		go func() { done <- everyMillisecond(stop, work) }()
		s, err := v.Run()
		close(stop)
		return s, errors.Join(err, <-done)
	}}
}

func everyMillisecond(stop <-chan struct{}, work func() error) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if err := work(); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
	}
}

// disturbed compares ipvd beside work with ipvd alone.
func (b *bench) disturbed(name string, bar float64, goal string, work func(m *ipvlan.Master) func() error) (rows []report.Row, err error) {
	in, err := b.newIngress(traffic.Addrs4(ingressAddrs), ingressSlaves, 128)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	quiet := in.path.variant(b.turn)
	r, err := b.quiet(in.forward(), in.reference(), quiet, beside(quiet, name, work(in.master)))
	if err != nil {
		return nil, err
	}
	const busy = ipvd + 1
	return []report.Row{report.New(name, "quiet", r.Rate(busy), report.Mpps, len(r)).
		Against(r.Ratio(busy, ipvd)).AtLeast(bar).Aim(goal)}, in.check()
}

// ingressChurn lets 10,000 addresses a second come and go.
func ingressChurn(b *bench) ([]report.Row, error) {
	return b.disturbed("ingress/churn", 0.95, "0.99", func(m *ipvlan.Master) func() error {
		const perMillisecond = 10
		pool := traffic.Addrs4(ingressAddrs + 1000)[ingressAddrs:]
		next := 0
		return func() error {
			for range perMillisecond {
				m.Table.Delete(pool[next])
				next = (next + 1) % len(pool)
				if err := m.Table.Set(pool[(next+len(pool)/2)%len(pool)], 1); err != nil {
					return err
				}
			}
			return nil
		}
	})
}

// sinkhole keeps what gcPressure allocates from being optimised away.
type sinkhole struct{ last []byte }

// gcPressure lets the control plane allocate 1 GB/s.
func gcPressure(b *bench) ([]report.Row, error) {
	return b.disturbed("gc/pressure", 0.8, "0.95", func(*ipvlan.Master) func() error {
		var hole sinkhole
		return func() error {
			for range 64 {
				hole.last = make([]byte, 16<<10)
			}
			return nil
		}
	})
}

// gcAllocs counts what a step allocates.
func gcAllocs(b *bench) (rows []report.Row, err error) {
	in, err := b.newIngress(traffic.Addrs4(ingressAddrs), ingressSlaves, 128)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	const steps = 10_000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range steps {
		in.path.st.Step()
	}
	runtime.ReadMemStats(&after)
	// Whole allocations in each step, as testing.AllocsPerRun counts: the runtime
	// itself makes a few at any time.
	n := math.Floor(float64(after.Mallocs-before.Mallocs) / steps)
	return []report.Row{report.New("gc/allocs-per-step", "", measure.Stat{Median: n, Min: n, Max: n}, "allocations", 1).AtMost(0)}, nil
}
