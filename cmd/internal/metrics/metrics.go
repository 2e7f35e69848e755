// Package metrics tells Prometheus what a daemon has counted: packets by link and
// drop reason, routes, flows, what the workers do, memory, and how long requests and changes of
// the graph take.
//
// Everything but the durations is read from the daemon when it is asked for.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ipvd/cmd/internal/api"
)

// Source is what is told. Its methods are called from many goroutines at once.
type Source interface {
	Snapshot() (Snapshot, error)
}

// Snapshot is what a daemon has counted at a moment.
type Snapshot struct {
	Status  api.Status
	Links   []api.Link // with Stats64
	Account api.Account
	Drops   []api.DropRow
	Pool    string   // its name
	Routes  []Routes // of masters in l3 that route by a copy of the host's routes
	Flows   []Flows  // of masters in l3s whose flows take shortcuts
}

// Metrics are a daemon's. The observing methods may be called from any goroutine;
// those of nil do nothing.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	failures *prometheus.CounterVec
	swaps    prometheus.Histogram
}

// New makes the metrics of a daemon.
func New(s Source, version string) *Metrics {
	buckets := prometheus.ExponentialBuckets(0.0001, 2, 16) // 100 µs to 3 s
	m := &Metrics{registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ipvd_request_duration_seconds",
			Help: "How long requests of the control socket took, without those that go on.", Buckets: buckets}, []string{"request"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ipvd_requests_failed_total",
			Help: "Requests of the control socket that were refused or failed."}, []string{"request"}),
		swaps: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "ipvd_swap_duration_seconds",
			Help: "How long a change of the graph took, from its building until no worker was in the old one.", Buckets: buckets}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "ipvd_build_info", Help: "Always 1; the version is its label.",
		ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(build, m.requests, m.failures, m.swaps, &collector{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request notes that a request took a time, and whether it failed.
func (m *Metrics) Request(request string, took time.Duration, failed bool) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(request).Observe(took.Seconds())
	if failed {
		m.failures.WithLabelValues(request).Inc()
	}
}

// Swap notes that a change of the graph took a time.
func (m *Metrics) Swap(took time.Duration) {
	if m != nil {
		m.swaps.Observe(took.Seconds())
	}
}

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 4})
}
