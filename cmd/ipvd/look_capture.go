package main

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/flows/watch"
	"ipvd/pmd"
)

// Capture writes copies of packets as pcapng.
func (d *daemon) Capture(ctx context.Context, c api.Caller, r api.Capture, out io.Writer) (end api.LookEnd, err error) {
	cfg := watch.Config{Snap: r.Snap, Filter: watch.Filter{Stage: r.Stage, Drop: r.Drop}}
	if cfg.Snap == 0 {
		cfg.Snap = api.MaxSnap
	}
	both := r.Direction == "" && r.Stage == "" && r.Drop == ""
	cfg.In, cfg.Out = both || r.Direction == "in", both || r.Direction == "out"
	if r.Drop != "" && r.Drop != api.AnyReason && reasonMeaning(r.Drop) == "" {
		return end, &api.Refusal{Errno: unix.ENOENT, Text: fmt.Sprintf(
			"no drop reason that can be captured is called %q; there are: %q, %s", r.Drop, api.AnyReason, quoted(reasonNames()))}
	}
	if cfg.Program, err = program(r.Program); err != nil {
		return end, err
	}
	names, first, err := d.aim(c, r.Look, &cfg.Filter)
	if err != nil {
		return end, err
	}
	file := &pcapng{out: out, names: names, first: first, snap: cfg.Snap}
	return d.run(ctx, r.Look, cfg, file.write, file.flush)
}

// aim sets the filter's ports to what a look is about, and gives the ports' names
// and the first of them.
func (d *daemon) aim(c api.Caller, r api.Look, f *watch.Filter) (names *portNames, first pmd.Port, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names = &portNames{d: d, names: d.portNames()}
	if r.Dev == "" {
		return names, d.masters[0].wire, nil
	}
	e, err := d.findEnd(c, r.Dev, r.Netns)
	if err != nil {
		return nil, nil, err
	}
	f.Ports, f.Sets = []pmd.Port{e.port}, e.sets
	return names, e.port, nil
}
