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

// serve serves d with a short time to read requests in.
func serve(t *testing.T, d Daemon) (path string) {
	t.Helper()
	l, err := Listen(filepath.Join(t.TempDir(), "s"), "")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(d, zerolog.Nop())
	s.http.ReadTimeout = 10 * time.Millisecond
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
	c, err := net.Dial("unix", serve(t, noDaemon{}))
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

// slowDaemon takes longer for a status than a client may for a request.
type slowDaemon struct{ Daemon }

func (slowDaemon) Status(ctx context.Context) (Status, error) {
	select {
	case <-ctx.Done():
		return Status{}, fmt.Errorf("cut off: %w", ctx.Err())
	case <-time.After(50 * time.Millisecond):
		return Status{PID: 42}, nil
	}
}

func TestDaemonMayTakeLongerThanTheRequest(t *testing.T) {
	s, err := NewClient(serve(t, slowDaemon{})).Status(context.Background())
	if err != nil || s.PID != 42 {
		t.Errorf("status %+v, %v, want pid 42", s, err)
	}
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
