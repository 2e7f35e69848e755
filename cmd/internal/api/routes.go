package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// request is a request's body that knows what no daemon can do.
type request interface{ Check() error }

func (s *Server) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /v1/link", change(s, s.daemon.LinkAdd))
	m.HandleFunc("DELETE /v1/link", change(s, silent(s.daemon.LinkDel)))
	m.HandleFunc("PATCH /v1/link", change(s, silent(s.daemon.LinkSet)))
	m.HandleFunc("POST /v1/addr", change(s, silent(s.daemon.AddrAdd)))
	m.HandleFunc("DELETE /v1/addr", change(s, silent(s.daemon.AddrDel)))
	m.HandleFunc("GET /v1/link", show(s, func(ctx context.Context, c Caller, q *query) ([]Link, error) {
		return s.daemon.Links(ctx, c, LinkFilter{q.text("ifname"), q.text("netns"), q.text("link"), q.flag("details"), q.flag("stats")})
	}))
	m.HandleFunc("GET /v1/addr", show(s, func(ctx context.Context, c Caller, q *query) ([]Addr, error) {
		return s.daemon.Addrs(ctx, c, AddrFilter{q.text("ifname"), q.text("netns")})
	}))
	s.routing(m)
	m.HandleFunc("DELETE /v1/flow", change(s, silent(s.daemon.FlowFlush)))
	m.HandleFunc("GET /v1/flow", show(s, func(ctx context.Context, _ Caller, _ *query) ([]Flow, error) { return s.daemon.Flows(ctx) }))
	m.HandleFunc("GET /v1/host", show(s, func(ctx context.Context, _ Caller, _ *query) ([]HostChange, error) { return s.daemon.Host(ctx) }))
	m.HandleFunc("GET /v1/stats", show(s, func(ctx context.Context, _ Caller, q *query) ([]Counter, error) {
		return s.daemon.Stats(ctx, q.flag("details"))
	}))
	m.HandleFunc("GET /v1/verify", show(s, func(ctx context.Context, _ Caller, _ *query) (Verify, error) {
		return s.daemon.Verify(ctx)
	}))
	m.HandleFunc("GET /v1/status", show(s, func(ctx context.Context, _ Caller, _ *query) (Status, error) {
		return s.daemon.Status(ctx)
	}))
	m.HandleFunc("GET /v1/graph", s.graph)
	s.insightRoutes(m)
	s.configRoutes(m)
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &Refusal{fmt.Sprintf("%s %s is no request of this API", r.Method, r.URL.Path), unix.ENOENT})
	})
	return m
}

// requested is the body of a request, checked.
func requested[Q request](r *http.Request) (q Q, err error) {
	if err = decode(r.Body, &q); err == nil {
		err = q.Check()
	}
	return q, err
}

// change is a request with a body.
func change[Q request, A any](s *Server, do func(context.Context, Caller, Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := requested[Q](r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		c := callerOf(r)
		defer c.Netns.Close() // of nil it is an error that matters to nobody
		a, err := do(r.Context(), c, q)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, a)
	}
}

// silent gives a request that answers nothing an empty answer.
func silent[Q request](do func(context.Context, Caller, Q) error) func(context.Context, Caller, Q) (struct{}, error) {
	return func(ctx context.Context, c Caller, q Q) (struct{}, error) { return struct{}{}, do(ctx, c, q) }
}

// show is a request with a query: nothing changes.
func show[A any](s *Server, get func(context.Context, Caller, *query) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := parseQuery(r.URL.RawQuery)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		c := callerOf(r)
		defer c.Netns.Close()
		a, err := get(r.Context(), c, q)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, a)
	}
}

func (s *Server) graph(w http.ResponseWriter, r *http.Request) {
	dot, err := s.daemon.Graph(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/vnd.graphviz")
	io.WriteString(w, dot)
}

func callerOf(r *http.Request) Caller { return r.Context().Value(peerKey{}).(*peerConn).caller() }

// decode reads one JSON object with no field that to has not. Its error wraps
// EINVAL.
func decode(from io.Reader, to any) error {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return refuse("request body: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse("request body: more follows the first object")
	}
	return nil
}

// query is a URL's query of which every key is known.
type query struct{ values url.Values }

func parseQuery(raw string) (*query, error) {
	v, err := url.ParseQuery(raw)
	if err != nil {
		return nil, refuse("query %q: %v", raw, err)
	}
	for key, vals := range v {
		switch {
		case slices.Contains([]string{"ifname", "netns", "link", "to", "from", "tos", "table"}, key):
		case !slices.Contains([]string{"details", "stats"}, key):
			return nil, refuse("query %q: %q is unknown", raw, key)
		default:
			if _, err := strconv.ParseBool(vals[0]); err != nil {
				return nil, refuse("query %q: %s is neither true nor false", raw, key)
			}
		}
	}
	return &query{v}, nil
}

func (q *query) text(key string) string { return q.values.Get(key) }

func (q *query) flag(key string) bool {
	b, err := strconv.ParseBool(q.values.Get(key))
	return err == nil && b
}
