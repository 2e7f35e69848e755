package suite

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/api"
)

func (l *lab) dial() net.Conn {
	l.t.Helper()
	c, err := net.Dial("unix", l.socket)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// ask sends a request as it stands and gives the status and the error in the
// answer.
func (l *lab) ask(method, path, body string) (int, api.Error) {
	l.t.Helper()
	c := l.dial()
	defer c.Close()
	// The daemon may answer and hang up before it has read all.
	go fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: ipvd\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		l.t.Errorf("%s %s with %.40q: %v", method, path, body, err)
		return 0, api.Error{}
	}
	defer r.Body.Close()
	var e api.Error
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		l.t.Errorf("%s %s with %.40q: status %d, no JSON: %v", method, path, body, r.StatusCode, err)
	}
	return r.StatusCode, e
}

func TestRequestsThatAreNone(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	for i := range l.boxes {
		l.add(i)
	}
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v1/link", "garbage", 400, "request body"},
		{"POST", "/v1/link", "", 400, "request body"},
		{"POST", "/v1/link", `{"link":`, 400, "request body"},
		{"POST", "/v1/link", `[]`, 400, "request body"},
		{"POST", "/v1/link", `{"link":7}`, 400, "link"},
		{"POST", "/v1/link", `{"link":"eth0","ifname":"x","colour":"red"}`, 400, "colour"},
		{"POST", "/v1/link", `{"link":"eth0","ifname":"x"}{}`, 400, "more follows"},
		{"POST", "/v1/link", `{"link":"eth0","ifname":"x\u0000y"}`, 400, `x\x00y`},
		{"POST", "/v1/link", `{"link":"eth0","ifname":"` + strings.Repeat("x", 2<<20) + `"}`, 400, "too large"},
		{"PUT", "/v1/link", "{}", 404, "PUT /v1/link"},
		{"GET", "/v2/link", "", 404, "GET /v2/link"},
		{"GET", "/v1/link?colour=red", "", 400, "colour"},
		{"GET", "/v1/link?details=maybe", "", 400, "details"},
		{"GET", "/v1/link?netns=nosuch", "", 404, "nosuch"},
	} {
		status, e := l.ask(tc.method, tc.path, tc.body)
		if status != tc.status || !strings.Contains(e.Error, tc.want) || len(e.Error) > 1000 {
			t.Errorf("%s %s with %.40q: %d %.200q, want %d with %q", tc.method, tc.path, tc.body, status, e.Error, tc.status, tc.want)
		}
	}
	for _, noise := range []string{"\x16\x03\x01\x02\x00\x01\x00", "GET\r\n\r\n", strings.Repeat("A", 1<<16), "\r\n\r\n\r\n"} {
		c := l.dial()
		fmt.Fprint(c, noise)
		c.(*net.UnixConn).CloseWrite()
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("after %.20q: %v", noise, err)
		}
	}
	l.ping(l.boxes[0], boxAddr(1))
	l.verify()
	l.stop()
}

func TestManyClientsAtOnce(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	files := l.openFiles()
	var silent []net.Conn
	for range 100 {
		silent = append(silent, l.dial())
	}
	const clients = 200
	answers := make(chan error, clients)
	begun := time.Now()
	for i := range clients {
		go func() {
			c := api.NewClient(l.socket)
			defer c.Close()
			var err error
			if i%2 == 0 {
				_, err = c.Status(t.Context())
			} else if _, err = c.Links(t.Context(), api.LinkFilter{Details: true}); err == nil {
				_, err = c.Links(t.Context(), api.LinkFilter{Stats: true})
			}
			answers <- err
		}()
	}
	for range clients {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d clients were answered in %v while 100 said nothing", clients, time.Since(begun))
	for _, c := range silent {
		c.Close()
	}
	l.await("the daemon has closed their connections", defaultWait, func() bool { return l.openFiles() <= files })
	l.ping(l.boxes[0], routerAddr)
	l.verify()
	l.stopsBesideASilentClient(3 * time.Second)
}

// stopsBesideASilentClient stops the daemon while a client says nothing, which must
// not take longer than limit. What it takes on a busy machine is not the client's
// fault: one stop of three in time will do.
func (l *lab) stopsBesideASilentClient(limit time.Duration) {
	l.t.Helper()
	var took time.Duration
	for range 3 {
		c := l.dial()
		begun := time.Now()
		l.stop()
		took = time.Since(begun)
		c.Close()
		if took <= limit {
			return
		}
		l.start("--ephemeral", "--mode", "l2")
	}
	l.t.Errorf("a silent client delays the end: %v", took)
	l.stop()
}

// openFiles is how many descriptors the daemon has open.
func (l *lab) openFiles() int {
	l.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.cmd.Process.Pid))
	if err != nil {
		l.t.Fatal(err)
	}
	return len(entries)
}
