package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

// limit is for what takes milliseconds.
const limit = 30 * time.Second

func nothing() {}

func TestStreamsReachTheDaemonAndTellTheirEnd(t *testing.T) {
	d := &apitest.Daemon{Streams: apitest.Streams{Out: "packets", End: api.LookEnd{Packets: 3, Lost: 1}}}
	c, ctx := api.NewClient(apitest.Start(t, d)), context.Background()
	defer c.Close()
	look := api.Look{ID: "x", Dev: "eth0/wire", Count: 3, Program: []bpf.RawInstruction{{Op: 6, K: 1}}}
	for name, run := range map[string]func(out io.Writer) (api.LookEnd, error){
		"capture": func(out io.Writer) (api.LookEnd, error) {
			return c.Capture(ctx, api.Capture{Look: look, Direction: "in", Drop: "any"}, nothing, out)
		},
		"trace": func(out io.Writer) (api.LookEnd, error) { return c.Trace(ctx, api.Trace{Look: look}, nothing, out) },
		"monitor": func(out io.Writer) (api.LookEnd, error) {
			return c.Monitor(ctx, api.Monitor{Level: "warn"}, nothing, out)
		},
	} {
		var out bytes.Buffer
		if end, err := run(&out); err != nil || end != d.Streams.End || out.String() != "packets" {
			t.Errorf("%s: got %q, %+v, %v", name, out.String(), end, err)
		}
	}
	for _, want := range []any{api.Capture{Look: look, Direction: "in", Drop: "any"}, api.Trace{Look: look}, api.Monitor{Level: "warn"}} {
		found := false
		for _, got := range d.Requests() {
			found = found || reflect.DeepEqual(got, want)
		}
		if !found {
			t.Errorf("the daemon was not asked for %+v", want)
		}
	}
}

func TestAStreamEndsAsItShouldWhenTheClientWantsIt(t *testing.T) {
	d := &apitest.Daemon{Streams: apitest.Streams{Stay: true, End: api.LookEnd{Packets: 7}}}
	c := api.NewClient(apitest.Start(t, d))
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	end, err := c.Trace(ctx, api.Trace{Look: api.Look{ID: "x"}}, cancel, io.Discard)
	if err != nil || end.Packets != 7 {
		t.Errorf("trace: %+v, %v", end, err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), limit)
	defer cancel()
	if _, err := c.Monitor(ctx, api.Monitor{}, cancel, io.Discard); err != nil {
		t.Errorf("monitor: %v", err)
	}
}

func TestAStreamTellsWhatWentWrong(t *testing.T) {
	d := &apitest.Daemon{Err: unix.EBUSY}
	c, ctx := api.NewClient(apitest.Start(t, d)), context.Background()
	defer c.Close()
	r := api.Capture{Look: api.Look{ID: "x"}}
	if _, err := c.Capture(ctx, r, nothing, io.Discard); !errors.Is(err, unix.EBUSY) {
		t.Errorf("before it began: %v, want EBUSY", err)
	}
	d.Err, d.Streams.EndErr = nil, errors.New("the ring is gone")
	if _, err := c.Capture(ctx, r, nothing, io.Discard); err == nil || !strings.Contains(err.Error(), "the ring is gone") {
		t.Errorf("after it began: %v", err)
	}
}

func TestAServerThatEndsEndsItsStreams(t *testing.T) {
	d := &apitest.Daemon{Streams: apitest.Streams{Stay: true, End: api.LookEnd{Packets: 2}}}
	path := apitest.SocketPath(t)
	l, err := api.Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	s := api.NewServer(d, zerolog.Nop())
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c := api.NewClient(path)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	shut := make(chan error, 1)
	end, err := c.Monitor(ctx, api.Monitor{}, func() { go func() { shut <- s.Shutdown(ctx) }() }, io.Discard)
	if err != nil || end.Packets != 2 {
		t.Errorf("monitor: %+v, %v", end, err)
	}
	if err := errors.Join(<-shut, <-served); err != nil {
		t.Error(err)
	}
}

func TestTheOtherInsightsReachTheDaemon(t *testing.T) {
	d := &apitest.Daemon{Insights: apitest.Insights{Paths: []api.Path{{From: "ipvl0"}}, Level: "debug",
		Rows: []api.DropRow{{Where: "ipvl0", Dropped: 3, Reasons: map[string]uint64{"private": 3}}}}}
	c, ctx := api.NewClient(apitest.Start(t, d)), context.Background()
	defer c.Close()
	paths, err := c.Explain(ctx, api.Explain{Dev: "ipvl0", Src: "10.0.0.1", Dst: "10.0.0.2"})
	if err != nil || !reflect.DeepEqual(paths, d.Insights.Paths) {
		t.Errorf("explain: %+v, %v", paths, err)
	}
	if l, err := c.LogLevel(ctx, api.LogLevel{Level: "debug"}); err != nil || l.Level != "debug" {
		t.Errorf("log level: %+v, %v", l, err)
	}
	if rows, err := c.Drops(ctx); err != nil || !reflect.DeepEqual(rows, d.Insights.Rows) {
		t.Errorf("drops: %+v, %v", rows, err)
	}
}

func TestLooksThatNoDaemonCanMeetAreRefused(t *testing.T) {
	ok := api.Look{ID: "x"}
	for name, r := range map[string]interface{ Check() error }{
		"no id":              api.Capture{},
		"negative count":     api.Trace{Look: api.Look{ID: "x", Count: -1}},
		"long program":       api.Trace{Look: api.Look{ID: "x", Program: make([]bpf.RawInstruction, 5000)}},
		"bad device":         api.Trace{Look: api.Look{ID: "x", Dev: "a b"}},
		"direction":          api.Capture{Look: ok, Direction: "up"},
		"snap length":        api.Capture{Look: ok, Snap: 1 << 20},
		"level":              api.Monitor{Level: "loud"},
		"log level":          api.LogLevel{Level: "loud"},
		"no port":            api.Explain{Src: "10.0.0.1", Dst: "10.0.0.2"},
		"no frame":           api.Explain{Dev: "a"},
		"no destination":     api.Explain{Dev: "a", Src: "10.0.0.1"},
		"frame and address":  api.Explain{Dev: "a", Frames: [][]byte{{1}}, Src: "10.0.0.1", Dst: "10.0.0.2"},
		"port out of range":  api.Explain{Dev: "a", Src: "10.0.0.1", Dst: "10.0.0.2", DstPort: 65536},
		"frames without end": api.Explain{Dev: "a", Frames: make([][]byte, 2000)},
		"nothing to end":     api.Unlook{},
	} {
		if err := r.Check(); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: error %v, want EINVAL", name, err)
		}
	}
	if err := (api.Explain{Dev: "eth0/host", Frames: [][]byte{{1}}}).Check(); err != nil {
		t.Error(err)
	}
}

func TestRequestsAreObservedAndStreamsAreNot(t *testing.T) {
	d := &apitest.Daemon{Streams: apitest.Streams{Out: "x"}}
	path := apitest.SocketPath(t)
	l, err := api.Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	s := api.NewServer(d, zerolog.Nop())
	seen := make(chan string, 9)
	s.Observe = func(request string, took time.Duration, refused bool) {
		if took <= 0 {
			t.Errorf("%s took %v", request, took)
		}
		seen <- fmt.Sprintf("%s %v", request, refused)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c, ctx := api.NewClient(path), context.Background()
	defer c.Close()
	_, err1 := c.Status(ctx)
	_, err2 := c.Monitor(ctx, api.Monitor{}, nothing, io.Discard)
	if err := errors.Join(err1, err2); err != nil {
		t.Error(err)
	}
	d.Err = unix.ENODEV
	if err := c.LinkDel(ctx, api.LinkDel{Name: "a"}); !errors.Is(err, unix.ENODEV) {
		t.Error(err)
	}
	if err := errors.Join(s.Shutdown(ctx), <-served); err != nil {
		t.Error(err)
	}
	close(seen)
	var got []string
	for r := range seen {
		got = append(got, r)
	}
	if want := "GET /v1/status false, DELETE /v1/link true"; strings.Join(got, ", ") != want {
		t.Errorf("observed %v, want %s", got, want)
	}
}
