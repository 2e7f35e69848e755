package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

// send sends a request as text and gives the answer's status and body.
func send(t *testing.T, path, head, body string) (int, string) {
	t.Helper()
	c := apitest.Dial(t, path)
	fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: ipvd\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", head, len(body), body)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestEveryMethodReachesTheDaemon(t *testing.T) {
	d := &apitest.Daemon{
		LinkList: []api.Link{{IfName: "ipvl0", Link: "eth0", ID: 1}}, AddrList: []api.Addr{{Local: "10.0.0.5"}},
		Counters: []api.Counter{{Where: "eth0/classify", Packets: 3}}, Account: api.Verify{OK: true}, DOT: "digraph {}",
		Running: api.Status{PID: 42},
	}
	c, ctx := api.NewClient(apitest.Start(t, d)), context.Background()
	defer c.Close()
	var want []any
	check := func(request, got, answer any, err error) {
		t.Helper()
		if want = append(want, request); err != nil || !reflect.DeepEqual(got, answer) {
			t.Errorf("%+v: answer %+v, %v, want %+v", request, got, err, answer)
		}
	}
	add := api.LinkAdd{Master: "eth0", Name: "ipvl0", Mode: "l2", Flag: "vepa", Force: true, MTU: 1400, Netns: "c1"}
	link, err := c.LinkAdd(ctx, add)
	check(add, link, d.LinkList[0], err)
	set := api.LinkSet{Name: "ipvl0", Mode: "l3s"}
	check(set, nil, nil, c.LinkSet(ctx, set))
	del := api.LinkDel{Name: "eth0/1", Netns: "c1"}
	check(del, nil, nil, c.LinkDel(ctx, del))
	links := api.LinkFilter{Name: "ipvl0", Netns: "c1", Master: "eth0", Details: true}
	list, err := c.Links(ctx, links)
	check(links, list, d.LinkList, err)
	change := api.AddrChange{Name: "ipvl0", Addr: "10.0.0.5/24"}
	check(change, nil, nil, c.AddrAdd(ctx, change))
	check(change, nil, nil, c.AddrDel(ctx, change))
	addrs := api.AddrFilter{Name: "ipvl0", Netns: "c&1"}
	al, err := c.Addrs(ctx, addrs)
	check(addrs, al, d.AddrList, err)
	counters, err := c.Stats(ctx, true)
	check(true, counters, d.Counters, err)
	account, err := c.Verify(ctx)
	check("verify", account, d.Account, err)
	dot, err := c.Graph(ctx)
	check("graph", dot, d.DOT, err)
	status, err := c.Status(ctx)
	check("status", status, d.Running, err)
	if got := d.Requests(); !reflect.DeepEqual(got, want) {
		t.Errorf("the daemon was asked\n%+v, want\n%+v", got, want)
	}
}

func TestErrnoReachesTheClient(t *testing.T) {
	d := &apitest.Daemon{Err: fmt.Errorf("addr add 10.0.0.5: held by eth0/2: %w", unix.EADDRINUSE)}
	c := api.NewClient(apitest.Start(t, d))
	defer c.Close()
	err := c.AddrAdd(context.Background(), api.AddrChange{Name: "a", Addr: "10.0.0.5"})
	if !errors.Is(err, unix.EADDRINUSE) || err.Error() != d.Err.Error() {
		t.Errorf("error %v, want %v with EADDRINUSE", err, d.Err)
	}
	d.Err = errors.New("no word for it")
	_, err = c.Status(context.Background())
	if r := (*api.Refusal)(nil); !errors.As(err, &r) || r.Errno != 0 || r.Text != d.Err.Error() {
		t.Errorf("error %#v, want a refusal without errno", err)
	}
}

func TestDaemonKnowsItsCaller(t *testing.T) {
	var got api.Caller
	var same bool
	d := &apitest.Daemon{OnRequest: func(c api.Caller, _ any) {
		got = c
		mine, err := os.Stat("/proc/self/ns/net")
		if err != nil || c.Netns == nil {
			return
		}
		theirs, err := c.Netns.Stat()
		same = err == nil && os.SameFile(mine, theirs)
	}}
	c := api.NewClient(apitest.Start(t, d))
	defer c.Close()
	if err := c.LinkDel(context.Background(), api.LinkDel{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if got.PID != os.Getpid() || got.UID != os.Getuid() || got.GID != os.Getgid() || !same {
		t.Errorf("caller %+v, same namespace: %v", got, same)
	}
	if _, err := got.Netns.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the namespace is still open after the request: %v", err)
	}
}

func TestServerSaysWhatIsWrongWithARequest(t *testing.T) {
	d := &apitest.Daemon{}
	path := apitest.Start(t, d)
	for _, c := range []struct {
		head, body string
		status     int
		want       string
	}{
		{"POST /v1/link", `{"ifname":"a","colour":1}`, 400, `colour`},
		{"POST /v1/link", `not JSON`, 400, `invalid character`},
		{"POST /v1/link", `{"ifname":"a/b","link":"eth0"}`, 400, `"code":"EINVAL"`},
		{"POST /v1/link", `{"ifname":"` + strings.Repeat("a", 1<<20) + `"}`, 400, `too large`},
		{"GET /v1/link?nmae=a", ``, 400, `nmae`},
		{"GET /v1/stats?details=perhaps", ``, 400, `details`},
		{"GET /v2/link", ``, 404, `no request of this API`},
		{"PUT /v1/link", `{}`, 404, `no request of this API`},
	} {
		status, body := send(t, path, c.head, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %.40s: %d %s, want %d with %s", c.head, c.body, status, body, c.status, c.want)
		}
	}
	if got := d.Requests(); len(got) != 0 {
		t.Errorf("the daemon was asked %+v", got)
	}
}

func TestDaemonOutlivesAPanic(t *testing.T) {
	d := &apitest.Daemon{OnRequest: func(_ api.Caller, r any) {
		if r == "graph" {
			panic("no picture")
		}
	}, Running: api.Status{PID: 42}}
	path := apitest.Start(t, d)
	if status, body := send(t, path, "GET /v1/graph", ""); status != 500 || !strings.Contains(body, "no picture") {
		t.Errorf("panic: %d %s, want 500 with its cause", status, body)
	}
	if status, body := send(t, path, "GET /v1/status", ""); status != 200 || !strings.Contains(body, `"pid":42`) {
		t.Errorf("after a panic: %d %s", status, body)
	}
}

func TestErrnoChoosesTheStatus(t *testing.T) {
	d := &apitest.Daemon{}
	path := apitest.Start(t, d)
	for errno, want := range map[unix.Errno]int{unix.EINVAL: 400, unix.EPERM: 403, unix.ENODEV: 404,
		unix.EBUSY: 409, unix.EOPNOTSUPP: 501, unix.EIO: 500} {
		d.Err = errno
		if status, body := send(t, path, "GET /v1/verify", ""); status != want ||
			!strings.Contains(body, unix.ErrnoName(errno)) {
			t.Errorf("%v: %d %s, want %d", errno, status, body, want)
		}
	}
}

func TestShutdownWaitsForRequests(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	d := &apitest.Daemon{OnRequest: func(api.Caller, any) { close(begun); <-finish }}
	path := apitest.SocketPath(t)
	l, err := api.Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	s := api.NewServer(d, zerolog.Nop())
	served, answered, down := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	go func() {
		_, err := api.NewClient(path).Status(context.Background())
		answered <- err
	}()
	<-begun
	go func() { down <- s.Shutdown(context.Background()) }()
	if err := <-served; err != nil { // returns as soon as Shutdown has begun
		t.Error(err)
	}
	select {
	case err := <-down:
		t.Errorf("Shutdown returned %v with a request under way", err)
	default:
	}
	close(finish)
	if err := errors.Join(<-answered, <-down); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there after Shutdown: %v", err)
	}
}

func TestClientSaysThatNobodyListens(t *testing.T) {
	path := apitest.SocketPath(t)
	_, err := api.NewClient(path).Status(context.Background())
	if !errors.Is(err, api.ErrNotRunning) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want %v with %s", err, api.ErrNotRunning, path)
	}
}
