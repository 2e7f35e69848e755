package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/host/monitor"
	"ipvd/cmd/internal/logs"
	"ipvd/cmd/internal/metrics"
	"ipvd/cmd/internal/service"
	"ipvd/cmd/internal/store"
	"ipvd/flows"
	"ipvd/flows/ipvlan"
	"ipvd/pmd/dpdk"
)

const (
	// runDir is where ephemeral daemons keep what a later start must take back
	// after a kill -9.
	runDir = "/run/ipvd"
	// swapTimeout bounds how long a change waits for the workers to leave the
	// old graph. A step takes microseconds; a worker that shares its CPU can be
	// off it for some milliseconds.
	swapTimeout = 2 * time.Second
	// idleSteps without packets go before a worker's sleep: some 100 µs, so that
	// the answer to a packet that was just sent is mostly awaited, not slept for.
	idleSteps = 200
	// stopTimeout bounds how long stopping waits for requests in progress.
	stopTimeout = 5 * time.Second
)

// daemon joins ports, graph and control. mu guards the structure: which masters
// and slaves there are, and every change of the graph. What the monitor reports
// is handled on the monitor's goroutine; addresses only touch the registries,
// which have locks of their own, so that learning never waits for a graph.
type daemon struct {
	cfg     config.Config
	logs    *logs.Log
	log     zerolog.Logger
	started time.Time
	failed  chan error // what ends the daemon, one at most

	store     *store.Dir
	rt        *dpdk.Runtime
	pool      *dpdk.Pool
	pools     map[int]*dpdk.Pool // of NUMA nodes with wires, by node
	sys       *flows.System
	mon       *monitor.Monitor
	chores    *chores
	answers   *answers
	followers sync.Map // key of a watched interface -> follower
	socket    *api.Listener
	server    *api.Server
	serving   chan struct{} // closed when the server has ended
	metrics   *metrics.Metrics
	scrapes   *metrics.Server // nil: none are served

	mu      sync.Mutex
	masters []*master
	looks   []*look // captures and traces in progress
	faults  faultLog

	service  *service.Manager          // who has started the daemon; nil: nobody of interest
	stored   stored                    // what it has kept of an earlier run
	records  []store.Slave             // of an earlier run, as they were read
	early    *early                    // those that are attached already
	declared map[string]store.Declared // by master: what a file has said last; under mu
	holding  bool                      // a transaction holds changes of the graph back; under mu
}

// start brings everything up, or nothing: on an error what was begun is undone.
func start(ctx context.Context, cfg config.Config, all *logs.Log, log zerolog.Logger) (*daemon, error) {
	d := &daemon{cfg: cfg, logs: all, log: log, started: time.Now(), failed: make(chan error, 1), faults: faultLog{log: log}, pools: map[int]*dpdk.Pool{}}
	d.metrics = metrics.New(d, Version)
	steps := []func() error{d.findService, d.listen, d.openStore, d.recoverKilled, d.attachEarly, d.startEAL, d.startMonitor, d.openMasters, d.startAnswers,
		d.restoreSlaves, d.declare, d.startWorkers, d.watchEarly, d.startMetrics, d.startTelemetry, d.serve, d.tellReady}
	for _, step := range steps {
		err := ctx.Err()
		if err == nil {
			err = step()
		}
		if err != nil {
			return nil, errors.Join(err, d.undo())
		}
	}
	log.Info().Ints("workers", cfg.Workers).Str("socket", cfg.Socket).Bool("hugepages", d.rt.Hugepages()).
		Int64("took_ms", time.Since(d.started).Milliseconds()).Msg("ready")
	return d, nil
}

// undo is stop for a daemon that has not begun to serve.
func (d *daemon) undo() error { return d.stop(nil) }

// stop ends the daemon in the reverse order of its start and gives cause joined
// with what went wrong. Slaves stay where they are when their state is kept.
func (d *daemon) stop(cause error) error {
	errs := []error{cause}
	d.tellStopping()
	if d.server == nil && d.socket != nil {
		errs = append(errs, d.socket.Close())
	}
	if d.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		if err := d.server.Shutdown(ctx); err != nil {
			d.log.Warn().Err(err).Msg("a client's request was broken off")
		}
		cancel()
		<-d.serving
	}
	errs = append(errs, d.stopMetrics())
	d.stopTelemetry()
	if d.mon != nil {
		d.chores.close() // it may call the monitor
		d.mon.Close()
	}
	d.answers.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sys != nil {
		if err := d.sys.Stop(); err != nil {
			// A worker still uses the ports. The process ends, and the next start
			// puts back what was taken over.
			return errors.Join(append(errs, err)...)
		}
	}
	d.early.close()
	for _, m := range d.masters {
		errs = append(errs, m.close())
	}
	if d.pool != nil {
		errs = append(errs, d.pool.Close(), d.closePools())
	}
	if d.rt != nil {
		errs = append(errs, d.rt.Close())
	}
	return errors.Join(append(errs, d.closeStore())...)
}

func (d *daemon) openStore() (err error) {
	if d.cfg.Ephemeral {
		d.store, err = store.Ephemeral(runDir)
	} else {
		d.store, err = store.Open(d.cfg.StateDir)
	}
	return err
}

func (d *daemon) closeStore() error {
	switch {
	case d.store == nil:
		return nil
	case d.cfg.Ephemeral:
		return d.store.Remove()
	}
	return d.store.Close()
}

func (d *daemon) startEAL() (err error) {
	args, pci := pciArgs(d.cfg)
	d.rt, err = dpdk.Start(dpdk.Config{Args: args, MemMB: d.cfg.Memory, NoPCI: !pci, Telemetry: true, Prefix: filePrefix(d.cfg.Socket), Log: d.logDPDK})
	if err != nil {
		return err
	}
	if w := d.rt.Warning(); w != "" {
		d.log.Warn().Msg(w)
	}
	d.pool, err = d.newPool(anySocket)
	return err
}

// poolCache is the cache of a worker: two bursts, since one is received while
// one is freed.
func poolCache(burst int) int { return min(max(2*burst, 256), 512) }

// logDPDK passes DPDK's messages on; its levels are those of syslog.
func (d *daemon) logDPDK(level int, line string) {
	e := d.log.Debug()
	if level <= 4 {
		e = d.log.Warn()
	}
	e.Str("from", "dpdk").Msg(line)
}

func (d *daemon) startWorkers() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	cfg := flows.Config{
		Runtime: d.rt, Pool: d.pool, CPUs: d.cfg.Workers, Burst: d.cfg.Burst,
		SwapTimeout: swapTimeout, OnFault: d.faults.report,
	}
	if d.adaptive() {
		cfg.IdleSteps, cfg.Look = idleSteps, time.Duration(d.cfg.Look)*time.Microsecond
	}
	if d.sys, err = flows.Start(cfg, d.build()); err != nil {
		return fmt.Errorf("start workers on CPUs %v: %w", d.cfg.Workers, err)
	}
	for _, m := range d.masters {
		m.runShortcuts()
	}
	return nil
}

// adaptive says that workers may sleep.
func (d *daemon) adaptive() bool { return d.cfg.Poll == "adaptive" }

// build gives the graph of all masters as they are now. Under mu.
func (d *daemon) build() flows.Build {
	models := make([]*ipvlan.Master, len(d.masters))
	for i, m := range d.masters {
		models[i] = m.model()
	}
	ipvlan.Balance(models, d.workers())
	looks := slices.Clone(d.looks)
	return func(g *flows.Graph) error {
		watchers(g, looks)
		for _, m := range models {
			if err := ipvlan.Build(g, m); err != nil {
				return err
			}
		}
		return nil
	}
}

// swap makes the workers run the graph of what the masters are now. Under mu.
func (d *daemon) swap() error {
	if d.sys == nil || d.holding {
		return nil // startWorkers builds it, or release
	}
	return d.timed(func() error { return d.sys.Swap(d.build()) })
}

// workers is how many workers there are, for the counters' sake.
func (d *daemon) workers() int { return len(d.cfg.Workers) }

// listen takes the control socket before anything is changed: a second daemon
// fails here. Requests wait until serve.
func (d *daemon) listen() (err error) {
	if _, err := user.LookupGroup(d.cfg.Group); err != nil && d.cfg.Group != config.Default().Group {
		return fmt.Errorf("--group %s: %w: make the group, or name another", d.cfg.Group, err)
	}
	d.socket, err = api.Listen(d.cfg.Socket, d.cfg.Group)
	return err
}

func (d *daemon) serve() error {
	d.server, d.serving = api.NewServer(d, d.log), make(chan struct{})
	d.server.Observe = d.metrics.Request
	go func() {
		defer close(d.serving)
		if err := d.server.Serve(d.socket); err != nil {
			d.fail(err)
		}
	}()
	return nil
}

// fail ends the daemon because of err.
func (d *daemon) fail(err error) {
	select {
	case d.failed <- err:
	default: // it is ending already
	}
}
