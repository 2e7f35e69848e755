package api

import (
	"context"
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

func TestSlowClientsAreCutOff(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "s"), "")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(noDaemon{}, zerolog.Nop())
	s.http.ReadTimeout = 10 * time.Millisecond
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c, err := net.Dial("unix", l.Addr().String())
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
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
