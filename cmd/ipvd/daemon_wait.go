package main

import (
	"context"
	"os"

	"ipvd/cmd/internal/api"
)

// wait returns when the daemon has to end: nil because of a signal, else what has
// failed. A hangup applies the configuration file.
func (d *daemon) wait(ctx context.Context, hangups <-chan os.Signal) error {
	go d.watchdog(ctx)
	for {
		select {
		case <-ctx.Done():
			d.log.Info().Msg("stopping")
			return nil
		case err := <-d.failed:
			d.log.Error().Err(err).Msg("stopping after a failure")
			return err
		case <-hangups:
			go d.hangup(ctx)
		}
	}
}

// hangup applies the configuration file. Why it is not applied is in the log.
func (d *daemon) hangup(ctx context.Context) {
	changes, err := d.ConfigApply(ctx, api.ConfigApply{})
	if err != nil {
		d.log.Error().Err(err).Msg("the configuration file is not applied")
		return
	}
	d.log.Info().Int("changes", len(changes)).Msg("the configuration file is applied")
}
