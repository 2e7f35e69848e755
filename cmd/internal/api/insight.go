package api

import (
	"context"
	"io"
	"net/http"
)

// Insight is what a Daemon tells about itself while it works. A method with an
// output writes to it until ctx ends; a Write of nothing tells the client that it
// has begun.
type Insight interface {
	// Capture writes pcapng, Trace a Path a line.
	Capture(ctx context.Context, c Caller, r Capture, out io.Writer) (LookEnd, error)
	Trace(ctx context.Context, c Caller, r Trace, out io.Writer) (LookEnd, error)
	Unlook(ctx context.Context, c Caller, r Unlook) error
	Explain(ctx context.Context, c Caller, r Explain) ([]Path, error)
	// Monitor writes the log's lines, as JSON.
	Monitor(ctx context.Context, c Caller, r Monitor, out io.Writer) (LookEnd, error)
	LogLevel(ctx context.Context, c Caller, r LogLevel) (LogLevel, error)
	Drops(ctx context.Context) ([]DropRow, error)
}

// Monitor asks for what happens, from now on.
type Monitor struct {
	Level string `json:"level,omitempty"` // least important lines that are told; empty: info
}

// LogLevel sets the level of the daemon's log.
type LogLevel struct {
	Level string `json:"level,omitempty"` // trace, debug, info, warn or error; empty: keep it, and tell it
}

// DropRow is what was dropped of a slave's packets, or elsewhere, by reason.
type DropRow struct {
	Where   string            `json:"where"` // slave, port or stage
	Dropped uint64            `json:"dropped"`
	Reasons map[string]uint64 `json:"reasons"` // without zeros
}

// LogLevels are the levels, the least important first.
func LogLevels() []string { return []string{"trace", "debug", "info", "warn", "error"} }

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r Monitor) Check() error { return checkWord("level", r.Level, LogLevels()) }

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r LogLevel) Check() error { return checkWord("level", r.Level, LogLevels()) }

func (s *Server) insightRoutes(m *http.ServeMux) {
	m.HandleFunc("POST /v1/capture", stream(s, "application/x-pcapng", s.daemon.Capture))
	m.HandleFunc("POST /v1/trace", stream(s, "application/jsonl", s.daemon.Trace))
	m.HandleFunc("POST /v1/monitor", stream(s, "application/jsonl", s.daemon.Monitor))
	m.HandleFunc("DELETE /v1/look", change(s, silent(s.daemon.Unlook)))
	m.HandleFunc("POST /v1/explain", change(s, s.daemon.Explain))
	m.HandleFunc("PATCH /v1/log", change(s, s.daemon.LogLevel))
	m.HandleFunc("GET /v1/drops", show(s, func(ctx context.Context, _ Caller, _ *query) ([]DropRow, error) { return s.daemon.Drops(ctx) }))
}

// Capture copies pcapng to out until ctx ends, or the capture does, and gives what
// was told at the end. started is called when packets are looked at.
func (c *Client) Capture(ctx context.Context, r Capture, started func(), out io.Writer) (LookEnd, error) {
	return c.stream(ctx, "capture", r, r.ID, started, out)
}

// Trace copies lines of JSON to out, a Path each, as Capture does.
func (c *Client) Trace(ctx context.Context, r Trace, started func(), out io.Writer) (LookEnd, error) {
	return c.stream(ctx, "trace", r, r.ID, started, out)
}

// Monitor copies lines of JSON to out until ctx ends, which is no error.
func (c *Client) Monitor(ctx context.Context, r Monitor, started func(), out io.Writer) (LookEnd, error) {
	return c.stream(ctx, "monitor", r, "", started, out)
}

// Explain gives the ways of frames.
func (c *Client) Explain(ctx context.Context, r Explain) (p []Path, err error) {
	err = c.change(ctx, "POST", "explain", r, &p)
	return p, err
}

// LogLevel sets the log's level, and gives what it is then.
func (c *Client) LogLevel(ctx context.Context, r LogLevel) (l LogLevel, err error) {
	err = c.change(ctx, "PATCH", "log", r, &l)
	return l, err
}

// Drops are what was dropped, by slave, port or stage, and by reason.
func (c *Client) Drops(ctx context.Context) (d []DropRow, err error) {
	err = c.get(ctx, "drops", nil, &d)
	return d, err
}
