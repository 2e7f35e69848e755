package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/describe"
	"ipvd/flows/watch"
)

// Trace writes the ways of packets, a line of JSON each.
func (d *daemon) Trace(ctx context.Context, c api.Caller, r api.Trace, out io.Writer) (end api.LookEnd, err error) {
	cfg := watch.Config{Trace: true, Snap: traceSnap}
	if cfg.Program, err = program(r.Program); err != nil {
		return end, err
	}
	names, _, err := d.aim(c, r.Look, &cfg.Filter)
	if err != nil {
		return end, err
	}
	tell := func(p watch.Packet) error {
		path := pathOf(p, names)
		path.Time = p.Time.Format(time.RFC3339Nano)
		line, _ := json.Marshal(path) // strings and numbers
		if _, err := out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write to the trace's client: %w", err)
		}
		return nil
	}
	begin := func() error { _, err := out.Write(nil); return err }
	return d.run(ctx, r.Look, cfg, tell, begin)
}

// pathOf is a traced packet's way in words.
func pathOf(p watch.Packet, names *portNames) api.Path {
	path := api.Path{Worker: p.Worker, From: names.of(p.By.Port), Length: p.Len, Frame: p.Data, Summary: describe.Frame(p.Data),
		Steps: []api.PathStep{}, More: p.More}
	head, length, depth := p.Data, p.Len, 0
	for _, s := range p.Steps {
		if s.Place.Kind == watch.Left {
			depth--
			continue
		}
		step := api.PathStep{Depth: depth}
		n := min(len(head), len(s.Head))
		step.Changed = describe.Change(head[:n], s.Head[:n], length, s.Len)
		head, length = s.Head, s.Len
		switch s.Place.Kind {
		case watch.Entered:
			step.Stage = s.Place.Stage
			depth++
		case watch.Queued:
			step.To = names.of(s.Place.Port)
		case watch.Dropped:
			step.Dropped, step.Meaning, step.Where = s.Place.Reason, reasonMeaning(s.Place.Reason), s.Place.Stage
		}
		path.Steps = append(path.Steps, step)
	}
	return path
}
