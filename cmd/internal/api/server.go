package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// Limits on a client. A request takes as long as a daemon needs to change its
// graph, which waits for its workers.
const (
	maxBody      = 1 << 20 // bytes
	readTimeout  = 10 * time.Second
	writeTimeout = 60 * time.Second
	idleTimeout  = 30 * time.Second
)

// Server answers clients on behalf of a Daemon.
type Server struct {
	// Observe, if it is set before Serve, is told of each request but those that go
	// on: `POST /v1/link`, how long it took, and whether it was refused.
	Observe func(request string, took time.Duration, refused bool)

	daemon Daemon
	log    zerolog.Logger
	http   http.Server
	silent silentConns
	ending context.Context // ends when Shutdown begins: streams do not end by themselves
	end    context.CancelFunc
}

type peerKey struct{} // of a connection's *peerConn in its context

// NewServer makes a server that logs refused and failed requests.
func NewServer(d Daemon, log zerolog.Logger) *Server {
	s := &Server{daemon: d, log: log}
	s.ending, s.end = context.WithCancel(context.Background())
	s.http = http.Server{
		Handler:        s.guard(s.routes()),
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: 1 << 14,
		ErrorLog:       stdlog.New(log, "", 0),
		ConnState:      s.silent.follow,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, c)
		},
	}
	return s
}

// Serve answers until Shutdown, then returns nil.
func (s *Server) Serve(l *Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown removes the socket and waits until the requests that have begun are
// answered, or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.end()
	s.silent.close()
	if err := s.http.Shutdown(ctx); err != nil {
		s.http.Close()
		return fmt.Errorf("wait for requests to end: %w", err)
	}
	return nil
}

// guard lets only those in who may talk, and survives a handler's panic.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.log.Error().Str("request", r.Method+" "+r.URL.Path).Interface("panic", p).
					Bytes("stack", debug.Stack()).Msg("request failed")
				s.fail(w, r, fmt.Errorf("%s %s: the daemon failed: %v", r.Method, r.URL.Path, p))
			}
		}()
		p := r.Context().Value(peerKey{}).(*peerConn)
		if !p.allowed {
			s.fail(w, r, &Refusal{fmt.Sprintf("uid %d gid %d may not talk to ipvd: root and members of its group may, in the daemon's own user namespace", p.cred.Uid, p.cred.Gid), unix.EPERM})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		s.observed(next, w, r)
	})
}

// fail answers with an error and logs it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, body := reply(err)
	s.log.Info().Str("request", r.Method+" "+r.URL.Path).Int("status", status).Err(err).Msg("request refused")
	answer(w, status, body)
}

// answer writes a reply. Its error is the client's: it has gone.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
