// Package apitest has a daemon that does nothing, to test clients and servers
// with over a real socket.
package apitest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"ipvd/cmd/internal/api"
)

// Daemon answers with its exported fields and keeps what it was asked.
type Daemon struct {
	LinkList  []api.Link
	AddrList  []api.Addr
	RouteList []api.Route
	NeighList []api.Neighbour
	Counters  []api.Counter
	FlowList  []api.Flow
	Changes   []api.HostChange
	Account   api.Verify
	DOT       string
	Running   api.Status
	Err       error                     // what every method fails with
	OnRequest func(c api.Caller, r any) // runs inside each request
	Streams   Streams
	Insights  Insights

	Configuration

	mu  sync.Mutex
	got []any
}

var _ api.Daemon = (*Daemon)(nil)

// Requests are the requests and filters so far, oldest first.
func (d *Daemon) Requests() []any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]any(nil), d.got...)
}

func (d *Daemon) request(c api.Caller, r any) error {
	d.mu.Lock()
	d.got = append(d.got, r)
	d.mu.Unlock()
	if d.OnRequest != nil {
		d.OnRequest(c, r)
	}
	return d.Err
}

// LinkAdd answers with the first of LinkList, if there is one.
func (d *Daemon) LinkAdd(_ context.Context, c api.Caller, r api.LinkAdd) (l api.Link, err error) {
	if len(d.LinkList) > 0 {
		l = d.LinkList[0]
	}
	return l, d.request(c, r)
}

// LinkDel keeps the request.
func (d *Daemon) LinkDel(_ context.Context, c api.Caller, r api.LinkDel) error {
	return d.request(c, r)
}

// LinkSet keeps the request.
func (d *Daemon) LinkSet(_ context.Context, c api.Caller, r api.LinkSet) error {
	return d.request(c, r)
}

// Links answers with LinkList, whatever the filter.
func (d *Daemon) Links(_ context.Context, c api.Caller, f api.LinkFilter) ([]api.Link, error) {
	return d.LinkList, d.request(c, f)
}

// AddrAdd keeps the request.
func (d *Daemon) AddrAdd(_ context.Context, c api.Caller, r api.AddrChange) error {
	return d.request(c, r)
}

// AddrDel keeps the request.
func (d *Daemon) AddrDel(_ context.Context, c api.Caller, r api.AddrChange) error {
	return d.request(c, r)
}

// Addrs answers with AddrList, whatever the filter.
func (d *Daemon) Addrs(_ context.Context, c api.Caller, f api.AddrFilter) ([]api.Addr, error) {
	return d.AddrList, d.request(c, f)
}

// Routes answers with RouteList, whatever the filter.
func (d *Daemon) Routes(_ context.Context, f api.RouteFilter) ([]api.Route, error) {
	return d.RouteList, d.request(api.Caller{}, f)
}

// RouteGet answers with the first of RouteList, if there is one.
func (d *Daemon) RouteGet(_ context.Context, q api.RouteQuery) (r api.Route, err error) {
	if len(d.RouteList) > 0 {
		r = d.RouteList[0]
	}
	return r, d.request(api.Caller{}, q)
}

// Neighbours answers with NeighList, whatever the filter.
func (d *Daemon) Neighbours(_ context.Context, f api.RouteFilter) ([]api.Neighbour, error) {
	return d.NeighList, d.request(api.Caller{}, f)
}

// Flows answers with FlowList.
func (d *Daemon) Flows(context.Context) ([]api.Flow, error) {
	return d.FlowList, d.request(api.Caller{}, "flows")
}

// FlowFlush keeps the request.
func (d *Daemon) FlowFlush(_ context.Context, c api.Caller, r api.FlowFlush) error {
	return d.request(c, r)
}

// Host answers with Changes.
func (d *Daemon) Host(context.Context) ([]api.HostChange, error) {
	return d.Changes, d.request(api.Caller{}, "host")
}

// Stats answers with Counters.
func (d *Daemon) Stats(_ context.Context, detail bool) ([]api.Counter, error) {
	return d.Counters, d.request(api.Caller{}, detail)
}

// Verify answers with Account.
func (d *Daemon) Verify(context.Context) (api.Verify, error) {
	return d.Account, d.request(api.Caller{}, "verify")
}

// Graph answers with DOT.
func (d *Daemon) Graph(context.Context) (string, error) {
	return d.DOT, d.request(api.Caller{}, "graph")
}

// Status answers with Running.
func (d *Daemon) Status(context.Context) (api.Status, error) {
	return d.Running, d.request(api.Caller{}, "status")
}

// Start serves d until the test ends, and gives the socket's path.
func Start(t testing.TB, d api.Daemon) string {
	t.Helper()
	path := SocketPath(t)
	l, err := api.Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	s := api.NewServer(d, zerolog.Nop())
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return path
}

// SocketPath is where a test can make a socket. A test's own directory bears
// the test's name, and a socket's path must be short.
func SocketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ipvd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// Dial connects to the socket at path, for requests that no client sends.
func Dial(t testing.TB, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
