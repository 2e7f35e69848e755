package main

import (
	"context"
	"fmt"

	"ipvd/cmd/internal/api"
)

// ConfigShow is what runs, as a file would say it.
func (d *daemon) ConfigShow(ctx context.Context) (api.Config, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := api.Config{File: d.cfg.File, Settings: d.cfg.Set(), EAL: d.cfg.EAL}
	for _, m := range d.masters {
		r := api.RunningMaster{Wire: m.conf.Device, DeclaredMaster: api.DeclaredMaster{Name: m.name,
			Mode: m.template.Mode.String(), Flag: m.template.Flag.String()}}
		for _, s := range m.slaves {
			as, err := s.declared()
			if err != nil {
				return c, fmt.Errorf("slave %s: %w", s.key(), err)
			}
			r.Slaves = append(r.Slaves, as)
		}
		c.Masters = append(c.Masters, r)
	}
	return c, nil
}
