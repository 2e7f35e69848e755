package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/flows"
	"ipvd/flows/ipvlan"
	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
	"ipvd/pmd"
)

// maxForeign is the share of both CPUs that others may have used while two
// workers were measured.
const maxForeign = 0.05

// cpuTick is the unit of /proc/stat (USER_HZ, proc(5)).
const cpuTick = 10 * time.Millisecond

// laneGap is how many queues of the sink lie between those of two workers:
// net_null keeps its queues' counters side by side.
const laneGap = 8

// twoWorkers compares two workers of the daemon's system with one. They have a
// queue of the source and of each slave each, and share graph, table and pool as
// in the daemon.
func twoWorkers(b *bench) (rows []report.Row, err error) {
	addrs := traffic.Addrs4(ingressAddrs)
	l := ingressLoad(addrs, fileLen(len(addrs)), ingressSlaves)
	t, err := b.newBed(bedConfig{frames: l.frames, copies: 2, queues: 2*ingressSlaves + laneGap, burst: 128})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	one, err := t.newCrew(addrs, b.cpus[:1])
	if err != nil {
		return nil, err
	}
	two, err := t.newCrew(addrs, b.cpus[:2])
	if err != nil {
		return nil, err
	}
	for range tries {
		two.foreign, two.wall = 0, 0
		r, err := b.quiet(t.forward(), one.variant(), two.variant())
		if err != nil {
			return nil, err
		}
		if two.share() <= maxForeign {
			const one, two = 1, 2
			twice := r.Each(func(s []measure.Sample) float64 { return 2 * s[two].Rate() })
			times := r.Each(func(s []measure.Sample) float64 { return 2 * s[two].Rate() / s[one].Rate() })
			return []report.Row{report.New("workers/2", "1 worker", twice, report.Mpps, len(r)).Against(times).AtLeast(1.9).Aim("2.0")}, nil
		}
	}
	return nil, fmt.Errorf("workers/2: others used %.0f %% of both CPUs, %d times over: %w", 100*two.share(), tries, measure.ErrNoisy)
}

// crew is the workers of a system, which runs in this crew's turns only.
type crew struct {
	*bed
	cpus   []int
	master *ipvlan.Master

	foreign, wall time.Duration // what others used of all CPUs in turns of this crew
}

// newCrew makes a master with as many queues as workers.
func (t *bed) newCrew(addrs []netip.Addr, cpus []int) (*crew, error) {
	m := t.newMaster(ingressSlaves, len(cpus))
	m.Wire = lane{Port: t.source, rx: t.source.Rx()[:len(cpus)], tx: t.source.Tx()[:len(cpus)]}
	for i, s := range m.Slaves {
		var tx []pmd.TxQueue
		for w := range cpus {
			tx = append(tx, t.sink.Tx()[w*(ingressSlaves+laneGap)+i])
		}
		s.Port = lane{Port: t.sink, tx: tx}
	}
	return &crew{bed: t, cpus: cpus, master: m}, give(m, addrs)
}

func (c *crew) variant() measure.Variant {
	return measure.Variant{Name: fmt.Sprintf("%d workers", len(c.cpus)), Run: c.turn}
}

// turn lets the system run. The process's CPU time is the workers': nobody else
// has anything to do.
func (c *crew) turn() (s measure.Sample, err error) {
	cfg := flows.Config{Runtime: c.rt, Pool: c.pool, CPUs: c.cpus, Burst: c.cfg.burst}
	sys, err := flows.Start(cfg, func(g *flows.Graph) error { return ipvlan.Build(g, c.master) })
	if err != nil {
		return s, err
	}
	s, err = c.watch()
	if err = errors.Join(err, sys.Stop()); err != nil {
		return s, err
	}
	if a := sys.Account(); a.Dropped != 0 || a.Received < s.Work || a.Received != a.Delivered {
		err = fmt.Errorf("received %d packets, delivered %d, dropped %v", a.Received, a.Delivered, a.Reasons)
	}
	return s, err
}

// watch gives what the workers do in a while, after their caches are warm.
func (c *crew) watch() (s measure.Sample, err error) {
	time.Sleep(turnTime / 5)
	begin, busy := time.Now(), time.Duration(0)
	if busy, err = machineBusy(); err != nil {
		return s, err
	}
	before, err := c.sample()
	if err != nil {
		return s, err
	}
	time.Sleep(turnTime)
	after, err := c.sample()
	if err != nil {
		return s, err
	}
	s = measure.Sample{Work: after.Work - before.Work, CPU: after.CPU - before.CPU}
	busyAfter, err := machineBusy()
	c.wall += time.Since(begin)
	c.foreign += busyAfter - busy - s.CPU
	return s, err
}

// sample is what has been received and used so far.
func (c *crew) sample() (s measure.Sample, err error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return s, fmt.Errorf("read the process's CPU time: %w", err)
	}
	s.CPU = time.Duration(t.Nano())
	for _, q := range c.master.Wire.Rx() {
		s.Work += q.Stats().Packets
	}
	return s, nil
}

// share is what others used of both CPUs.
func (c *crew) share() float64 { return float64(c.foreign) / float64(2*c.wall) }

// machineBusy is the time that the CPUs were not idle, since boot.
func machineBusy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var name string
	var user, nice, system, idle, iowait, irq, softirq, steal int64
	if _, err := fmt.Sscan(line, &name, &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal); err != nil {
		return 0, fmt.Errorf("/proc/stat: %q: %w", line, err)
	}
	return time.Duration(user+nice+system+irq+softirq+steal) * cpuTick, nil
}
