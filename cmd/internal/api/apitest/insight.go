package apitest

import (
	"context"
	"io"

	"ipvd/cmd/internal/api"
)

// Streams is what a Daemon's streams answer.
type Streams struct {
	Out     string // written at once
	Stay    bool   // until Unlook, or until the client or the server ends
	End     api.LookEnd
	EndErr  error // after Out
	unlooks chan struct{}
}

// Insights is what a Daemon's other methods of api.Insight answer.
type Insights struct {
	Paths []api.Path
	Level string
	Rows  []api.DropRow
}

// stream answers as Streams says.
func (d *Daemon) stream(ctx context.Context, c api.Caller, r any, out io.Writer) (api.LookEnd, error) {
	if err := d.request(c, r); err != nil {
		return api.LookEnd{}, err
	}
	if _, err := io.WriteString(out, d.Streams.Out); err != nil {
		return api.LookEnd{}, err
	}
	if d.Streams.Stay {
		select {
		case <-ctx.Done():
		case <-d.unlooked():
		}
	}
	return d.Streams.End, d.Streams.EndErr
}

func (d *Daemon) unlooked() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Streams.unlooks == nil {
		d.Streams.unlooks = make(chan struct{}, 1)
	}
	return d.Streams.unlooks
}

// Capture answers with Streams.
func (d *Daemon) Capture(ctx context.Context, c api.Caller, r api.Capture, out io.Writer) (api.LookEnd, error) {
	return d.stream(ctx, c, r, out)
}

// Trace answers with Streams.
func (d *Daemon) Trace(ctx context.Context, c api.Caller, r api.Trace, out io.Writer) (api.LookEnd, error) {
	return d.stream(ctx, c, r, out)
}

// Monitor answers with Streams.
func (d *Daemon) Monitor(ctx context.Context, c api.Caller, r api.Monitor, out io.Writer) (api.LookEnd, error) {
	return d.stream(ctx, c, r, out)
}

// Unlook ends a stream that stays.
func (d *Daemon) Unlook(_ context.Context, c api.Caller, r api.Unlook) error {
	d.unlooked() <- struct{}{}
	return d.request(c, r)
}

// Explain answers with Paths.
func (d *Daemon) Explain(_ context.Context, c api.Caller, r api.Explain) ([]api.Path, error) {
	return d.Insights.Paths, d.request(c, r)
}

// LogLevel answers with Level.
func (d *Daemon) LogLevel(_ context.Context, c api.Caller, r api.LogLevel) (api.LogLevel, error) {
	return api.LogLevel{Level: d.Insights.Level}, d.request(c, r)
}

// Drops answers with Rows.
func (d *Daemon) Drops(context.Context) ([]api.DropRow, error) {
	return d.Insights.Rows, d.request(api.Caller{}, "drops")
}
