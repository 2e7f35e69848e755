package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Server answers scrapes at an address.
type Server struct {
	http   http.Server
	l      net.Listener
	served chan error
}

// Limits on a client: a scrape is short.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 30 * time.Second
)

// Serve listens at ADDRESS:PORT, or at unix:PATH, where it replaces a socket that
// nobody answers at, and answers requests for /metrics until Close.
func (m *Metrics) Serve(address string) (*Server, error) {
	network, where := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, where = "unix", path
		if err := removeStale(path); err != nil {
			return nil, fmt.Errorf("metrics at %s: %w", address, err)
		}
	}
	l, err := net.Listen(network, where)
	if err != nil {
		return nil, fmt.Errorf("metrics at %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	s := &Server{l: l, served: make(chan error, 1),
		http: http.Server{Handler: mux, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, MaxHeaderBytes: 1 << 14}}
	go func() { s.served <- s.http.Serve(l) }()
	return s, nil
}

// removeStale removes the socket of a daemon that has ended.
func removeStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("there is a file that is no socket (%v): remove it, or choose another path", st.Mode())
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return errors.New("another process answers there: end it, or choose another path")
	}
	return os.Remove(path)
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.l.Addr() }

// Close ends it, after the scrapes that have begun, or when ctx ends.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("metrics at %v: %w", s.l.Addr(), err)
	}
	return nil
}
