package api

import (
	"net/http"
	"time"
)

// observed answers r, and tells Observe of it.
func (s *Server) observed(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if s.Observe == nil {
		next.ServeHTTP(w, r)
		return
	}
	begin, o := time.Now(), &outcome{ResponseWriter: w, status: http.StatusOK}
	next.ServeHTTP(o, r)
	if o.streamed || r.Pattern == "/" {
		return // as long as the client wanted, or no request of ours
	}
	s.Observe(r.Pattern, time.Since(begin), o.status != http.StatusOK)
}

// outcome notes what became of a request.
type outcome struct {
	http.ResponseWriter
	status   int
	streamed bool
}

func (o *outcome) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer, which only streams use.
func (o *outcome) Unwrap() http.ResponseWriter {
	o.streamed = true
	return o.ResponseWriter
}
