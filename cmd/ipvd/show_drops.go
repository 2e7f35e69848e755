package main

import (
	"context"

	"ipvd/cmd/internal/api"
)

// Drops says what was dropped, by slave, port of a master or stage, and by reason.
func (d *daemon) Drops(context.Context) ([]api.DropRow, error) {
	rows := []api.DropRow{}
	for _, s := range d.shares(d.sys.Parts()) {
		rows = append(rows, api.DropRow{Where: s.where, Dropped: s.Dropped, Reasons: s.Reasons})
	}
	return rows, nil
}
