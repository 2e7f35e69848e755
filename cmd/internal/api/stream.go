package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// endTrailer is the HTTP trailer that holds a LookEnd as JSON.
const endTrailer = "Ipvd-End"

// stream is a request with a body whose answer goes on until the client or the
// daemon ends it.
func stream[Q request](s *Server, kind string, do func(context.Context, Caller, Q, io.Writer) (LookEnd, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := requested[Q](r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		c := callerOf(r)
		defer c.Netns.Close()
		control := http.NewResponseController(w)
		// While the server waits for the client to hang up, the limit to reading a
		// request would end it.
		if err := control.SetReadDeadline(time.Time{}); err != nil {
			s.fail(w, r, err)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.ending, cancel)()
		out := &streamWriter{w: w, control: control, kind: kind}
		end, err := do(ctx, c, q, out)
		if err != nil && !out.begun {
			s.fail(w, r, err)
			return
		}
		if err != nil {
			end.Error = err.Error()
		}
		told, _ := json.Marshal(end) // strings and numbers
		w.Header().Set(endTrailer, string(told))
	}
}

// streamWriter sends each write to the client at once.
type streamWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	kind    string
	begun   bool
}

func (o *streamWriter) Write(b []byte) (int, error) {
	if !o.begun {
		o.begun = true
		o.w.Header().Set("Content-Type", o.kind)
		o.w.Header().Set("Trailer", endTrailer)
		o.w.WriteHeader(http.StatusOK)
	}
	// A client that does not read must not keep the daemon's goroutine.
	if err := o.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	n, err := o.w.Write(b)
	return n, errors.Join(err, o.control.Flush())
}

// stream copies an answer that goes on to out. When ctx ends it ends the look of
// that id, and reads on to the end; without an id it hangs up.
func (c *Client) stream(ctx context.Context, noun string, r request, id string, started func(), out io.Writer) (end LookEnd, err error) {
	if err := r.Check(); err != nil {
		return end, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return end, fmt.Errorf("encode request: %w", err)
	}
	reading, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	defer context.AfterFunc(ctx, func() { c.endStream(reading, id, hangUp) })()
	u := url.URL{Scheme: "http", Host: "ipvd", Path: "/v1/" + noun}
	req, err := http.NewRequestWithContext(reading, "POST", u.String(), bytes.NewReader(body))
	if err != nil {
		return end, fmt.Errorf("POST %s: %w", noun, err)
	}
	a, err := c.http.Do(req)
	if err != nil {
		return end, c.unreached(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return end, c.refused(a)
	}
	started()
	if _, err := io.Copy(out, a.Body); err != nil {
		if reading.Err() != nil && ctx.Err() != nil {
			return end, nil
		}
		return end, fmt.Errorf("answer of the daemon at %s: %w", c.path, err)
	}
	return end, c.end(a.Trailer.Get(endTrailer), &end)
}

// endTimeout bounds how long a client waits for the end of a stream that it has
// asked to end.
const endTimeout = 10 * time.Second

func (c *Client) endStream(ctx context.Context, id string, hangUp func()) {
	if id != "" && c.change(ctx, "DELETE", "look", Unlook{ID: id}, nil) == nil {
		time.AfterFunc(endTimeout, hangUp)
		return
	}
	hangUp()
}

// end reads what the daemon told at the end of a stream.
func (c *Client) end(told string, end *LookEnd) error {
	if told == "" {
		return fmt.Errorf("answer of the daemon at %s: it was broken off", c.path)
	}
	if err := c.decode([]byte(told), end); err != nil {
		return err
	}
	if end.Error != "" {
		return &Refusal{Text: end.Error}
	}
	return nil
}
