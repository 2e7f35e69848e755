package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

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

// twin is a second worker: a registered thread with a path of its own, which
// shares the pool with the first and has an address table of its own.
type twin struct {
	turns   chan uint64
	samples chan measure.Sample
	errs    chan error
}

// startTwin makes the thread and the path, from queue 1 of the bed's source to
// the second half of the sink's queues.
func (t *bed) startTwin(addrs []netip.Addr) (*twin, error) {
	w := &twin{turns: make(chan uint64), samples: make(chan measure.Sample), errs: make(chan error)}
	go w.run(t, addrs)
	return w, <-w.errs
}

func (w *twin) run(t *bed, addrs []netip.Addr) {
	runtime.LockOSThread()
	unregister, err := t.rt.Register()
	if err != nil {
		w.errs <- err
		return
	}
	defer unregister()
	p, err := t.half(1, addrs)
	w.errs <- err
	if err != nil {
		return
	}
	defer p.st.Close()
	for packets := range w.turns {
		s, err := measure.Turn(func() (uint64, error) { return p.run(packets) })
		w.samples <- s
		w.errs <- err
	}
	w.errs <- p.check()
}

// end ends the twin's thread.
func (w *twin) end() error {
	close(w.turns)
	return <-w.errs
}

// half is the path of worker k of two: its queue of the source, its queues of
// the sink.
func (t *bed) half(k int, addrs []netip.Addr) (*path, error) {
	m := t.newMaster(ingressSlaves)
	m.Wire = lane{Port: t.source, rx: t.source.Rx()[k : k+1], tx: t.source.Tx()[k : k+1]}
	m.Host = lane{Port: t.rest, tx: t.rest.Tx()[k : k+1]}
	for i, s := range m.Slaves {
		at := k*ingressSlaves + i
		s.Port = lane{Port: t.sink, tx: []pmd.TxQueue{t.sink.Tx()[at]}}
	}
	if err := give(m, addrs); err != nil {
		return nil, err
	}
	return t.newPath(m)
}

// twoWorkers compares two workers with one, by the sum of what each does in its
// CPU time.
func twoWorkers(b *bench) (rows []report.Row, err error) {
	addrs := traffic.Addrs4(ingressAddrs)
	l := ingressLoad(addrs, fileLen(len(addrs)), ingressSlaves)
	t, err := b.newBed(bedConfig{frames: l.frames, copies: 2, queues: 2 * ingressSlaves, burst: 128})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	p, err := t.half(0, addrs)
	if err != nil {
		return nil, err
	}
	defer p.st.Close()
	second, err := t.startTwin(addrs)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, second.end()) }()
	var foreign foreignLoad
	var r measure.Rounds
	for range tries {
		foreign = foreignLoad{}
		if r, err = b.quiet(t.forward(), p.variant(turnPackets), second.both(p, &foreign)); err != nil {
			return nil, err
		}
		if foreign.share() <= maxForeign {
			const one, two = 1, 2
			return []report.Row{report.New("workers/2", "1 worker", r.Rate(two), report.Mpps, len(r)).
				Against(r.Ratio(two, one)).AtLeast(1.9).Aim("2.0")}, p.check()
		}
	}
	return nil, fmt.Errorf("workers/2: others used %.0f %% of both CPUs, %d times over: %w", 100*foreign.share(), tries, measure.ErrNoisy)
}

// both is turns of both workers at once. The rates of two threads add up: the
// sample's CPU time is what the work of both takes at the sum.
func (w *twin) both(p *path, foreign *foreignLoad) measure.Variant {
	return measure.Variant{Name: "2 workers", Run: func() (measure.Sample, error) {
		before, err := machineBusy()
		if err != nil {
			return measure.Sample{}, err
		}
		begin := time.Now()
		w.turns <- turnPackets
		mine, err := measure.Turn(func() (uint64, error) { return p.run(turnPackets) })
		its := <-w.samples
		if err = errors.Join(err, <-w.errs); err != nil {
			return mine, err
		}
		after, err := machineBusy()
		foreign.wall += time.Since(begin)
		foreign.cpu += after - before - mine.CPU - its.CPU
		work := mine.Work + its.Work
		return measure.Sample{Work: work, CPU: time.Duration(float64(work) * 1e3 / (mine.Rate() + its.Rate()))}, err
	}}
}

// foreignLoad is what others used of both CPUs meanwhile.
type foreignLoad struct{ cpu, wall time.Duration }

func (f foreignLoad) share() float64 { return float64(f.cpu) / float64(2*f.wall) }

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
