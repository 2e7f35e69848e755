package api

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// noDaemon fails whoever reaches it.
type noDaemon struct{ Daemon }

func TestStrangersAreTurnedAway(t *testing.T) {
	s := NewServer(noDaemon{}, zerolog.Nop())
	stranger := &peerConn{cred: unix.Ucred{Pid: 1, Uid: 7, Gid: 8}}
	r := httptest.NewRequest("GET", "/v1/status", nil)
	w := httptest.NewRecorder()
	s.http.Handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, stranger)))
	if body := w.Body.String(); w.Code != http.StatusForbidden || !strings.Contains(body, "uid 7 gid 8") {
		t.Errorf("answer %d %s, want 403 that names uid 7", w.Code, body)
	}
}

// serve serves d with a time to read requests in.
func serve(t *testing.T, d Daemon, toRead time.Duration) (path string) {
	t.Helper()
	l, err := Listen(filepath.Join(t.TempDir(), "s"), "")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(d, zerolog.Nop())
	s.http.ReadTimeout = toRead
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func TestSlowClientsAreCutOff(t *testing.T) {
	c, err := net.Dial("unix", serve(t, noDaemon{}, 10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /v1/link HTTP/1.1\r\nHost: "); err != nil { // and no more
		t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err != nil { // ends when the server closes
		t.Error(err)
	}
}

// slowDaemon takes its time for a status.
type slowDaemon struct {
	Daemon
	takes time.Duration
	asked atomic.Bool
}

func (d *slowDaemon) Status(ctx context.Context) (Status, error) {
	d.asked.Store(true)
	select {
	case <-ctx.Done():
		return Status{}, fmt.Errorf("cut off: %w", ctx.Err())
	case <-time.After(d.takes):
		return Status{PID: 42}, nil
	}
}

func TestDaemonMayTakeLongerThanTheRequest(t *testing.T) {
	for toRead := 10 * time.Millisecond; toRead < 5*time.Second; toRead *= 4 {
		d := &slowDaemon{takes: 5 * toRead}
		s, err := NewClient(serve(t, d, toRead)).Status(context.Background())
		if !d.asked.Load() {
			continue // on a busy machine so short a time is not enough for the request
		}
		if err != nil || s.PID != 42 {
			t.Errorf("status %+v, %v, want pid 42", s, err)
		}
		return
	}
	t.Error("no request is read in time")
}

func TestSilentClientsDoNotDelayTheEnd(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "s"), "")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(noDaemon{}, zerolog.Nop())
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// net/http takes a connection of 5 s without a request for idle.
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the client is told something, want the end of the connection")
	}
}
