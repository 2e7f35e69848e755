package api

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Configuration is what a Daemon does with its configuration file.
type Configuration interface {
	// ConfigDiff is what ConfigApply would change.
	ConfigDiff(ctx context.Context) ([]ConfigChange, error)
	// ConfigApply reads the file again and makes what runs as it says, all of it
	// or nothing, and gives what it has changed.
	ConfigApply(ctx context.Context, r ConfigApply) ([]ConfigChange, error)
	// ConfigShow is what runs, as a file would say it.
	ConfigShow(ctx context.Context) (Config, error)
}

// ConfigApply asks that what runs be made as the configuration file says.
type ConfigApply struct {
	DryRun bool `json:"dry_run,omitempty"` // check it and say what would change
}

// Check refuses a request that no daemon can meet: none is.
func (ConfigApply) Check() error { return nil }

// The words for what a ConfigChange does.
const (
	ConfigAdd     = "add"
	ConfigRemove  = "remove"
	ConfigChanges = "change"
	ConfigRestart = "restart" // is done when the daemon is started again
)

// ConfigChange is a difference between the configuration file and what runs.
type ConfigChange struct {
	Do   string `json:"do"`             // one of the words above
	On   string `json:"on"`             // a setting, a master or a slave, for people
	What string `json:"what,omitempty"` // what changes of it
	From string `json:"from,omitempty"` // as it runs
	To   string `json:"to,omitempty"`   // as the file says
}

// String is a line as in a diff: + adds, - removes, ~ changes, and ! is done at the
// next start.
func (c ConfigChange) String() string {
	sign := map[string]string{ConfigAdd: "+", ConfigRemove: "-", ConfigChanges: "~", ConfigRestart: "!"}[c.Do]
	line := sign + " " + c.On
	if c.What != "" {
		line += ": " + c.What
	}
	if c.From != "" || c.To != "" {
		line += fmt.Sprintf(" %s -> %s", orNone(c.From), orNone(c.To))
	}
	return line
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// Config is a configuration as a file says it.
type Config struct {
	File     string          `json:"file,omitempty"` // where the daemon read its own
	Settings []Setting       `json:"settings"`       // that differ from the defaults
	EAL      []string        `json:"eal,omitempty"`
	Masters  []RunningMaster `json:"masters"`
}

// Setting is a flag with its value.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// RunningMaster is a master with its wire.
type RunningMaster struct {
	Wire string `json:"wire"`
	DeclaredMaster
}

// ConfigDiff is what ConfigApply would change.
func (c *Client) ConfigDiff(ctx context.Context) (changes []ConfigChange, err error) {
	err = c.get(ctx, "config/diff", nil, &changes)
	return changes, err
}

// ConfigApply makes what runs as the daemon's configuration file says.
func (c *Client) ConfigApply(ctx context.Context, r ConfigApply) (changes []ConfigChange, err error) {
	err = c.change(ctx, "POST", "config/apply", r, &changes)
	return changes, err
}

// ConfigShow is what runs, as a file would say it.
func (c *Client) ConfigShow(ctx context.Context) (config Config, err error) {
	err = c.get(ctx, "config", nil, &config)
	return config, err
}

func (s *Server) configRoutes(m *http.ServeMux) {
	m.HandleFunc("GET /v1/config", show(s, func(ctx context.Context, _ Caller, _ *query) (Config, error) {
		return s.daemon.ConfigShow(ctx)
	}))
	m.HandleFunc("GET /v1/config/diff", show(s, func(ctx context.Context, _ Caller, _ *query) ([]ConfigChange, error) {
		return s.daemon.ConfigDiff(ctx)
	}))
	apply := change(s, func(ctx context.Context, _ Caller, r ConfigApply) ([]ConfigChange, error) {
		return s.daemon.ConfigApply(ctx, r)
	})
	m.HandleFunc("POST /v1/config/apply", func(w http.ResponseWriter, r *http.Request) {
		// Its error is that of a connection without deadlines, which has the time.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(applyTimeout))
		apply(w, r)
	})
}

// applyTimeout is how long a file may take to be applied: the kernel takes tens of
// milliseconds for a slave, and a file may have thousands.
const applyTimeout = 15 * time.Minute
