package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/store"
)

// loadDeclared reads what the file said when it was applied last.
func (d *daemon) loadDeclared() {
	records, err := d.store.Declared.Load()
	if err != nil {
		d.log.Error().Err(err).Msg("what the configuration file has said cannot be read: all of it counts as new")
	}
	d.declared = map[string]store.Declared{}
	for _, r := range records {
		d.declared[r.Master] = r
	}
}

// declareMode gives a master that is not open yet the mode that the file says,
// unless it said so before and the mode was changed since. Under mu.
func (m *master) declareMode() {
	i := slices.IndexFunc(m.d.cfg.Declared, func(w api.DeclaredMaster) bool { return w.Name == m.name })
	if i < 0 {
		return
	}
	want, last := m.d.cfg.Declared[i], m.d.declared[m.name]
	if want.Mode != last.Mode || want.Flag != last.Flag {
		// The words were checked when they were read.
		m.template.Mode, m.template.Flag, _ = m.parseMode(want.Mode, want.Flag)
	}
}

// declare makes the slaves that the file declares, and changes what it says anew.
// What cannot be done is logged, and the rest runs.
func (d *daemon) declare() error {
	if d.cfg.File == "" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.planFor(d.cfg.Declared, true)
	p.sort()
	for _, s := range p.steps {
		if err := s.alone(); err != nil {
			d.log.Error().Err(err).Str("file", d.cfg.File).Msg("not done: " + s.change.String())
			*s.record = s.was
			continue
		}
		d.log.Info().Str("file", d.cfg.File).Msg(s.change.String())
	}
	for _, r := range p.records { // of what is new and could not be done there is no record
		r.Slaves = slices.DeleteFunc(r.Slaves, func(w store.DeclaredSlave) bool { return w.Link.Name == "" })
	}
	return d.saveDeclared(p)
}

// alone does a step for itself: what it began is undone when it fails.
func (s step) alone() error {
	undo, err := s.do()
	if err == nil && s.finish != nil {
		return s.finish()
	}
	if err != nil && undo != nil {
		err = errors.Join(err, undo())
	}
	return err
}

// saveDeclared records what the file says and what became of it. Under mu.
func (d *daemon) saveDeclared(p *plan) error {
	for _, r := range p.records {
		if old, ok := d.declared[r.Master]; ok && reflect.DeepEqual(old, *r) {
			continue
		}
		d.declared[r.Master] = *r
		if err := d.store.Declared.Save(*r); err != nil {
			return err
		}
	}
	return nil
}

// undeclare records that a slave was removed by request: a start does not make it
// again unless the file says something new of it. Under mu.
func (d *daemon) undeclare(s *slave) {
	r, ok := d.declared[s.m.name]
	if !ok {
		return
	}
	i := slices.IndexFunc(r.Slaves, func(w store.DeclaredSlave) bool { return w.ID == int(s.id) })
	if i < 0 {
		return
	}
	r.Slaves = slices.Clone(r.Slaves)
	r.Slaves[i].ID, r.Slaves[i].Removed = 0, true
	d.declared[s.m.name] = r
	if err := d.store.Declared.Save(r); err != nil {
		s.m.log.Error().Err(err).Str("slave", s.key()).Msg("record that the slave was removed")
	}
}

// reload reads the file again and plans what it says. Under mu.
func (d *daemon) reload() (next config.Config, p *plan, changes []api.ConfigChange, err error) {
	next, err = config.Load(os.Args[1:])
	if err != nil {
		return next, nil, nil, &api.Refusal{Text: err.Error(), Errno: unix.EINVAL}
	}
	if next.File == "" {
		return next, nil, nil, &api.Refusal{Errno: unix.ENOENT,
			Text: fmt.Sprintf("there is no configuration file: the daemon reads %s, or the one that --config names", config.DefaultFile)}
	}
	p = d.planFor(next.Declared, false)
	p.sort()
	return next, p, append(p.changes(), config.Differences(d.cfg, next)...), nil
}

// ConfigDiff is what ConfigApply would change.
func (d *daemon) ConfigDiff(ctx context.Context) ([]api.ConfigChange, error) {
	return d.ConfigApply(ctx, api.ConfigApply{DryRun: true})
}

// ConfigApply makes what runs as the file says, all of it or nothing.
func (d *daemon) ConfigApply(ctx context.Context, r api.ConfigApply) ([]api.ConfigChange, error) {
	changes, finish, err := d.apply(r)
	for _, f := range finish {
		if err := f(); err != nil {
			d.log.Error().Err(err).Msg("what the file does not say any more is gone, but not all of it could be removed")
		}
	}
	return changes, err
}

// apply gives what was changed, and what remains to be done without mu.
func (d *daemon) apply(r api.ConfigApply) (changes []api.ConfigChange, finish []func() error, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, p, changes, err := d.reload()
	if err != nil || r.DryRun {
		return changes, nil, err
	}
	if err := d.transact(p.steps); err != nil {
		d.log.Error().Err(err).Str("file", next.File).Msg("the file is not applied, and all is as it was")
		return nil, nil, fmt.Errorf("%s: not applied, all is as it was: %w", next.File, err)
	}
	for _, s := range p.steps {
		if s.finish != nil {
			finish = append(finish, s.finish)
		}
	}
	d.cfg.Declared = next.Declared
	for _, c := range changes {
		d.log.Info().Str("file", next.File).Msg(c.String())
	}
	return changes, finish, d.saveDeclared(p)
}
