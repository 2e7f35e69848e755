package api

import (
	"net"
	"net/http"
	"sync"
)

// silentConns are the connections that have not sent a request yet. A server
// that ends would wait for them as for those whose request is being done
// (http.Server.Shutdown).
type silentConns struct {
	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

// follow is an http.Server's ConnState.
func (s *silentConns) follow(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.conns, c)
	case s.closed:
		c.Close()
	case s.conns == nil:
		s.conns = map[net.Conn]bool{c: true}
	default:
		s.conns[c] = true
	}
}

// close hangs up on them, and on those that are still to come.
func (s *silentConns) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
}
