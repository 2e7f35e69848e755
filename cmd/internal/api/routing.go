package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// Route is a route that l3 knows, with the field names of `ip -j route`.
type Route struct {
	Master   string    `json:"dev"` // whose host port it leaves by
	Dst      string    `json:"dst"` // default, a prefix or an address
	Type     string    `json:"type"`
	Gateway  string    `json:"gateway,omitempty"`
	NextHops []NextHop `json:"nexthops,omitempty"`
	Table    uint32    `json:"table"`
	TOS      uint8     `json:"tos,omitempty"`
	Metric   uint32    `json:"metric,omitempty"`
	MTU      uint32    `json:"mtu,omitempty"` // bytes; 0: the device's
	// Of an answer to RouteQuery: where the packet goes now.
	From      string     `json:"from,omitempty"`
	Neighbour *Neighbour `json:"neigh,omitempty"`
}

// NextHop is one of several.
type NextHop struct {
	Gateway string `json:"gateway,omitempty"`
	Weight  uint32 `json:"weight"`
}

// Neighbour is a station on a host port's link, as l3 knows it.
type Neighbour struct {
	Dst    string `json:"dst"`
	Master string `json:"dev"`
	LLAddr string `json:"lladdr,omitempty"`
	State  string `json:"state"` // usable, failed or unknown
	Used   bool   `json:"used"`  // a packet was sent to it within the last seconds
}

// RouteFilter says which routes or neighbours are wanted.
type RouteFilter struct {
	Master string // empty: of all
	Table  uint32 // 0: all; routes only
}

// RouteQuery asks where a slave's packet would go.
type RouteQuery struct {
	Master   string // empty: the only one
	From, To netip.Addr
	TOS      uint8
}

// routing adds the requests about what l3 routes by.
func (s *Server) routing(m *http.ServeMux) {
	m.HandleFunc("GET /v1/route", show(s, func(ctx context.Context, _ Caller, q *query) ([]Route, error) {
		table, err := q.number("table", 32)
		if err != nil {
			return nil, err
		}
		return s.daemon.Routes(ctx, RouteFilter{q.text("ifname"), uint32(table)})
	}))
	m.HandleFunc("GET /v1/route/get", show(s, func(ctx context.Context, _ Caller, q *query) (Route, error) {
		tos, err := q.number("tos", 8)
		if err != nil {
			return Route{}, err
		}
		r := RouteQuery{Master: q.text("ifname"), TOS: uint8(tos)}
		if r.From, err = ParseIP(q.text("from")); err != nil {
			return Route{}, err
		}
		if r.To, err = ParseIP(q.text("to")); err != nil {
			return Route{}, err
		}
		return s.daemon.RouteGet(ctx, r)
	}))
	m.HandleFunc("GET /v1/neigh", show(s, func(ctx context.Context, _ Caller, q *query) ([]Neighbour, error) {
		return s.daemon.Neighbours(ctx, RouteFilter{Master: q.text("ifname")})
	}))
}

// number is the value of a key; 0 when it is not given.
func (q *query) number(key string, bits int) (uint64, error) {
	text := q.text(key)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 0, bits)
	if err != nil {
		return 0, refuse("%s %q is not a number of %d bits", key, text, bits)
	}
	return n, nil
}

// ParseIP reads an address without a zone. Its error wraps EINVAL.
func ParseIP(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return a, refuse("address %q is neither IPv4 nor IPv6", text)
	}
	return a, nil
}

// Routes are the routes that l3 knows.
func (c *Client) Routes(ctx context.Context, f RouteFilter) (r []Route, err error) {
	q := url.Values{}
	setText(q, "ifname", f.Master)
	if f.Table != 0 {
		q.Set("table", strconv.FormatUint(uint64(f.Table), 10))
	}
	err = c.get(ctx, "route", q, &r)
	return r, err
}

// RouteGet says where a slave's packet would go.
func (c *Client) RouteGet(ctx context.Context, r RouteQuery) (a Route, err error) {
	q := url.Values{"from": {r.From.String()}, "to": {r.To.String()}, "tos": {strconv.Itoa(int(r.TOS))}}
	setText(q, "ifname", r.Master)
	err = c.get(ctx, "route/get", q, &a)
	return a, err
}

// Neighbours are the stations on the links of host ports that l3 knows.
func (c *Client) Neighbours(ctx context.Context, f RouteFilter) (n []Neighbour, err error) {
	q := url.Values{}
	setText(q, "ifname", f.Master)
	err = c.get(ctx, "neigh", q, &n)
	return n, err
}
