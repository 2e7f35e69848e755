package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrNotRunning is what a client's methods wrap when nobody listens at its
// socket.
var ErrNotRunning = errors.New("no daemon answers")

// Client asks the daemon behind a socket. What the daemon refuses is a *Refusal.
type Client struct {
	path string
	http http.Client
}

// NewClient makes a client for the socket at path. Nothing is opened yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path, http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Close closes the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// LinkAdd makes a slave.
func (c *Client) LinkAdd(ctx context.Context, r LinkAdd) (l Link, err error) {
	err = c.change(ctx, "POST", "link", r, &l)
	return l, err
}

// LinkDel removes a slave.
func (c *Client) LinkDel(ctx context.Context, r LinkDel) error {
	return c.change(ctx, "DELETE", "link", r, nil)
}

// LinkSet changes a master's mode and flag.
func (c *Client) LinkSet(ctx context.Context, r LinkSet) error {
	return c.change(ctx, "PATCH", "link", r, nil)
}

// Links are the masters and slaves that the filter lets through.
func (c *Client) Links(ctx context.Context, f LinkFilter) (l []Link, err error) {
	q := url.Values{"details": {strconv.FormatBool(f.Details)}, "stats": {strconv.FormatBool(f.Stats)}}
	setText(q, "ifname", f.Name)
	setText(q, "netns", f.Netns)
	setText(q, "link", f.Master)
	err = c.get(ctx, "link", q, &l)
	return l, err
}

// AddrAdd gives a slave an address.
func (c *Client) AddrAdd(ctx context.Context, r AddrChange) error {
	return c.change(ctx, "POST", "addr", r, nil)
}

// AddrDel takes an address from a slave.
func (c *Client) AddrDel(ctx context.Context, r AddrChange) error {
	return c.change(ctx, "DELETE", "addr", r, nil)
}

// Addrs are the addresses that the filter lets through.
func (c *Client) Addrs(ctx context.Context, f AddrFilter) (a []Addr, err error) {
	q := url.Values{}
	setText(q, "ifname", f.Name)
	setText(q, "netns", f.Netns)
	err = c.get(ctx, "addr", q, &a)
	return a, err
}

// Stats are the data plane's counters, with each worker's share on detail.
func (c *Client) Stats(ctx context.Context, detail bool) (s []Counter, err error) {
	err = c.get(ctx, "stats", url.Values{"details": {strconv.FormatBool(detail)}}, &s)
	return s, err
}

// Verify is the account of packets.
func (c *Client) Verify(ctx context.Context) (v Verify, err error) {
	err = c.get(ctx, "verify", nil, &v)
	return v, err
}

// Status says what runs.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	err = c.get(ctx, "status", nil, &s)
	return s, err
}

// Graph is the picture of the data plane in Graphviz's DOT.
func (c *Client) Graph(ctx context.Context) (string, error) {
	b, err := c.do(ctx, "GET", "graph", nil, nil)
	return string(b), err
}

func setText(q url.Values, key, text string) {
	if text != "" {
		q.Set(key, text)
	}
}

func (c *Client) change(ctx context.Context, method, noun string, r request, answer any) error {
	if err := r.Check(); err != nil {
		return err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	b, err := c.do(ctx, method, noun, nil, body)
	if err != nil || answer == nil {
		return err
	}
	return c.decode(b, answer)
}

func (c *Client) get(ctx context.Context, noun string, q url.Values, answer any) error {
	b, err := c.do(ctx, "GET", noun, q, nil)
	if err != nil {
		return err
	}
	return c.decode(b, answer)
}

// decode allows fields it does not know: the daemon may be newer.
func (c *Client) decode(b []byte, answer any) error {
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("answer of the daemon at %s: %w", c.path, err)
	}
	return nil
}

// do sends a request and gives the body of its answer.
func (c *Client) do(ctx context.Context, method, noun string, q url.Values, body []byte) ([]byte, error) {
	u := url.URL{Scheme: "http", Host: "ipvd", Path: "/v1/" + noun, RawQuery: q.Encode()}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, noun, err)
	}
	a, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreached(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return nil, c.refused(a)
	}
	b, err := io.ReadAll(a.Body)
	if err != nil {
		return nil, fmt.Errorf("answer of the daemon at %s: %w", c.path, err)
	}
	return b, nil
}

// unreached is the error for a request that got no answer.
func (c *Client) unreached(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // its URL says nothing: the host is made up
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("%w at %s: %w", ErrNotRunning, c.path, err)
	}
	return fmt.Errorf("ask the daemon at %s: %w", c.path, err)
}

// refused is the error that an answer tells.
func (c *Client) refused(a *http.Response) error {
	b, err := io.ReadAll(a.Body)
	if err != nil {
		return fmt.Errorf("answer of the daemon at %s: %w", c.path, err)
	}
	var e Error
	if err := json.Unmarshal(b, &e); err != nil {
		return fmt.Errorf("answer of the daemon at %s: %s", c.path, a.Status)
	}
	return refusal(e)
}
