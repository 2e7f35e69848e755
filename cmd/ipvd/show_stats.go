package main

import (
	"context"
	"os"
	"time"

	"ipvd/cmd/internal/api"
	"ipvd/flows"
)

// Stats gives every counter of the data plane that is not 0, and with detail
// those that are.
func (d *daemon) Stats(ctx context.Context, detail bool) ([]api.Counter, error) {
	counters := []api.Counter{}
	for _, r := range d.sys.Counters() {
		if r.Value != 0 || detail {
			counters = append(counters, api.Counter{Where: r.Set, Name: r.Name, Kind: kindWord(r.Kind), Packets: r.Value})
		}
	}
	return append(counters, d.mirrorCounters(detail)...), nil
}

func kindWord(k flows.Kind) string {
	return [...]string{flows.Info: "info", flows.In: "in", flows.Copied: "copied", flows.Out: "out", flows.Dropped: "dropped"}[k]
}

// verifyTries readings are taken this long apart until two are equal: nothing
// moved between them.
const (
	verifyTries    = 40
	verifyInterval = 10 * time.Millisecond
)

// Verify takes the account at rest, if there is a moment of it.
func (d *daemon) Verify(ctx context.Context) (api.Verify, error) {
	now, workers := d.sys.Parts(), d.sys.Workers()
	rest, ok := false, false
	for i := 0; i < verifyTries && !ok && ctx.Err() == nil; i++ {
		last := now
		time.Sleep(verifyInterval)
		workers = d.sys.Workers() // between two readings: of the same moment if these are equal
		now = d.sys.Parts()
		rest = now.Received == last.Received && now.Delivered == last.Delivered && now.Dropped == last.Dropped
		ok = rest && now.Difference() == 0
	}
	counters, err := d.Stats(ctx, false)
	v := api.Verify{Account: d.account(now.Account), OK: ok, AtRest: rest, Counters: counters, Rows: d.accountRows(now, workers)}
	v.Explanation = explainDifference(&v, workers)
	return v, err
}

func (d *daemon) account(a flows.Account) api.Account {
	return api.Account{Received: a.Received, Copied: a.Copied, Delivered: a.Delivered, Dropped: a.Dropped,
		Difference: a.Difference(), Reasons: a.Reasons, MbufsInUse: d.sys.MbufsInUse()}
}

// Graph draws the graph that runs.
func (d *daemon) Graph(ctx context.Context) (string, error) { return d.sys.DOT(), nil }

// Status says what runs.
func (d *daemon) Status(ctx context.Context) (api.Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return api.Status{Version: Version, PID: os.Getpid(), Masters: d.masterNames(), Workers: d.cfg.Workers,
		Uptime: time.Since(d.started).Seconds(), Poll: d.cfg.Poll, Load: load(d.sys.Workers()),
		PoolSize: d.pool.Size(), Telemetry: d.rt.TelemetrySocket()}, nil
}

func load(workers []flows.WorkerInfo) []api.Worker {
	all := make([]api.Worker, len(workers))
	for i, w := range workers {
		all[i] = api.Worker{CPU: w.CPU, Steps: w.Steps, Busy: w.Busy, Faults: w.Faults, Packets: w.Packets, BurstCounts: w.Bursts[:], Sleeps: w.Sleeps, Slept: w.Slept.Seconds(),
			WakeP50: micros(w.Wake.Quantile(0.5)), WakeP99: micros(w.Wake.Quantile(0.99)), WakeCounts: w.Wake[:]}
		if w.Ran > 0 {
			all[i].Asleep = w.Slept.Seconds() / w.Ran.Seconds()
		}
	}
	return all
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
