package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/flows"
	"ipvd/flows/watch"
)

const (
	// maxLooks is how many captures and traces there may be at once: each takes
	// memory, and a worker's time.
	maxLooks = 8
	// lookRing is a worker's ring, in bytes: 40,000 packets of 64 bytes.
	lookRing = 4 << 20
	// lookInterval is how often rings that were empty are looked at.
	lookInterval = 5 * time.Millisecond
	// lookBatch is how many packets of a worker are told before the next's.
	lookBatch = 512
	// traceSnap is how many bytes of a traced packet are told.
	traceSnap = 256
)

// look is a capture or trace in progress.
type look struct {
	id      string
	session *watch.Session
	end     context.CancelFunc
}

// watchers make a graph's packets be looked at.
func watchers(g *flows.Graph, looks []*look) {
	if len(looks) == 0 {
		return
	}
	var ws []flows.Watcher
	for _, k := range looks {
		ws = append(ws, k.session.Worker(g.Worker()))
	}
	g.Watch(watch.All(ws))
}

// addLook puts k into the graph.
func (d *daemon) addLook(k *look) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.looks) >= maxLooks {
		return &api.Refusal{Text: fmt.Sprintf("%d captures and traces run, which is the most: end one of them", len(d.looks)), Errno: unix.EBUSY}
	}
	if slices.ContainsFunc(d.looks, func(o *look) bool { return o.id == k.id }) {
		return &api.Refusal{Text: fmt.Sprintf("id %q is that of another capture or trace", k.id), Errno: unix.EEXIST}
	}
	d.looks = append(d.looks, k)
	if err := d.swap(); err != nil {
		d.looks = d.looks[:len(d.looks)-1]
		return fmt.Errorf("look at packets: %w", err)
	}
	return nil
}

// removeLook takes k out of the graph.
func (d *daemon) removeLook(k *look) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks = slices.DeleteFunc(d.looks, func(o *look) bool { return o == k })
	if err := d.swap(); err != nil {
		d.log.Error().Err(err).Msg("a capture that has ended stays in the graph until its next change")
	}
}

// Unlook ends a capture or trace.
func (d *daemon) Unlook(_ context.Context, _ api.Caller, r api.Unlook) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.looks {
		if k.id == r.ID {
			k.end()
			return nil
		}
	}
	return &api.Refusal{Text: fmt.Sprintf("no capture or trace has id %q", r.ID), Errno: unix.ENOENT}
}

// run looks at packets until ctx or r ends it, and tells each; flush follows a
// batch.
func (d *daemon) run(ctx context.Context, r api.Look, cfg watch.Config, tell func(watch.Packet) error, flush func() error) (end api.LookEnd, err error) {
	cfg.Ring, cfg.Workers = lookRing, d.workers()
	s, err := watch.NewSession(cfg)
	if err != nil {
		return end, &api.Refusal{Text: err.Error(), Errno: unix.EINVAL}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := &look{r.ID, s, cancel}
	if err := d.addLook(k); err != nil {
		return end, err
	}
	if err := s.Check(); err != nil {
		d.removeLook(k)
		return end, &api.Refusal{Text: err.Error(), Errno: unix.ENOENT}
	}
	in := true // the graph
	defer func() {
		if in {
			d.removeLook(k)
		}
		end.Lost = s.Lost()
	}()
	if err := flush(); err != nil {
		return end, err
	}
	for {
		batch := s.Read(lookBatch)
		for _, p := range batch {
			if err := tell(p); err != nil {
				return end, err
			}
			if end.Packets++; end.Packets == uint64(r.Count) {
				return end, flush()
			}
		}
		switch {
		case len(batch) > 0:
			if err := flush(); err != nil {
				return end, err
			}
		case !in:
			return end, nil
		}
		if pause(ctx, len(batch) == 0) && in {
			d.removeLook(k)
			in = false // what its rings have is told
		}
	}
}

// pause waits when there was nothing to do, and says whether ctx has ended.
func pause(ctx context.Context, idle bool) bool {
	if idle && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(lookInterval):
		}
	}
	return ctx.Err() != nil
}

// program is a filter that a client has compiled.
func program(raw []bpf.RawInstruction) ([]bpf.Instruction, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	p, ok := bpf.Disassemble(raw)
	if !ok {
		return nil, &api.Refusal{Text: "the filter has instructions that are unknown", Errno: unix.EINVAL}
	}
	return p, nil
}
