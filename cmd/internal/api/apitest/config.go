package apitest

import (
	"context"

	"ipvd/cmd/internal/api"
)

// Configuration is what a Daemon says of its configuration.
type Configuration struct {
	ConfigChanges []api.ConfigChange
	Config        api.Config
}

// ConfigDiff answers with ConfigChanges.
func (d *Daemon) ConfigDiff(context.Context) ([]api.ConfigChange, error) {
	return d.ConfigChanges, d.request(api.Caller{}, "config diff")
}

// ConfigApply answers with ConfigChanges.
func (d *Daemon) ConfigApply(_ context.Context, r api.ConfigApply) ([]api.ConfigChange, error) {
	return d.ConfigChanges, d.request(api.Caller{}, r)
}

// ConfigShow answers with Config.
func (d *Daemon) ConfigShow(context.Context) (api.Config, error) {
	return d.Config, d.request(api.Caller{}, "config show")
}
