package main

import (
	"context"
	"time"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/metrics"
)

// startMetrics listens for scrapes if that is asked for.
func (d *daemon) startMetrics() (err error) {
	if d.cfg.Metrics == "" {
		return nil
	}
	if d.scrapes, err = d.metrics.Serve(d.cfg.Metrics); err == nil {
		d.log.Info().Stringer("address", d.scrapes.Addr()).Msg("metrics are served")
	}
	return err
}

// stopMetrics ends scrapes before what they read goes away.
func (d *daemon) stopMetrics() error {
	if d.scrapes == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return d.scrapes.Close(ctx)
}

// Snapshot is what metrics are made of.
func (d *daemon) Snapshot() (s metrics.Snapshot, err error) {
	ctx := context.Background()
	if s.Status, err = d.Status(ctx); err != nil {
		return s, err
	}
	if s.Links, err = d.Links(ctx, api.Caller{}, api.LinkFilter{Stats: true}); err != nil {
		return s, err
	}
	d.measure(&s)
	s.Drops, err = d.Drops(ctx)
	s.Account, s.Pool = d.account(d.sys.Account()), d.pool.Name()
	return s, err
}

// timed is do, with the time that it takes noted.
func (d *daemon) timed(do func() error) error {
	begin := time.Now()
	err := do()
	d.metrics.Swap(time.Since(begin))
	return err
}
