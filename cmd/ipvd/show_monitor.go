package main

import (
	"context"
	"fmt"
	"io"

	"github.com/rs/zerolog"

	"ipvd/cmd/internal/api"
)

// Monitor writes the log's lines from now on, whatever the log's own level.
func (d *daemon) Monitor(ctx context.Context, _ api.Caller, r api.Monitor, out io.Writer) (end api.LookEnd, err error) {
	level := zerolog.InfoLevel
	if r.Level != "" {
		level, _ = zerolog.ParseLevel(r.Level) // the request was checked
	}
	f := d.logs.Follow(level)
	defer d.logs.Unfollow(f)
	if _, err := out.Write(nil); err != nil {
		return end, err
	}
	for {
		select {
		case <-ctx.Done():
			end.Lost = f.Lost.Load()
			return end, nil
		case line := <-f.Lines:
			if _, err := out.Write(line); err != nil {
				return end, fmt.Errorf("write to the monitor's client: %w", err)
			}
			end.Packets++
		}
	}
}

// LogLevel sets the log's level, and tells it.
func (d *daemon) LogLevel(_ context.Context, _ api.Caller, r api.LogLevel) (api.LogLevel, error) {
	if r.Level != "" {
		level, _ := zerolog.ParseLevel(r.Level) // the request was checked
		d.logs.SetLevel(level)
	}
	return api.LogLevel{Level: d.logs.Level().String()}, nil
}
