package metrics

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"ipvd/cmd/internal/api"
	"ipvd/flows/route"
)

// fixed is a source that does not change.
type fixed struct {
	s   Snapshot
	err error
}

func (f fixed) Snapshot() (Snapshot, error) { return f.s, f.err }

func testSource() fixed {
	slave := api.Link{IfName: "ipvl0", Link: "eth0", ID: 1, Netns: "c1", OperState: "UP", MTU: 1500, Addrs: 2, Stats64: &api.Stats64{}}
	slave.Stats64.RX.Packets, slave.Stats64.RX.Bytes, slave.Stats64.TX.Dropped = 5, 500, 3
	return fixed{s: Snapshot{Pool: "ipvd", Links: []api.Link{{IfName: "eth0", OperState: "DOWN", Stats64: &api.Stats64{}}, slave},
		Status: api.Status{Uptime: 60, Masters: []string{"eth0"}, PoolSize: 100, Load: []api.Worker{{CPU: 2, Steps: 10, Slept: 1.5,
			Packets: 9, BurstCounts: []uint64{1, 0, 2, 1}, WakeCounts: []uint64{0, 4, 1}}}},
		Account: api.Account{Received: 9, Copied: 1, Delivered: 7, Dropped: 3, MbufsInUse: 40},
		Routes: []Routes{{Master: "eth0", Size: route.Size{Routes4: 7, Routes6: 2, NextHops: 3, Neighbours: map[route.State]int{route.Usable: 4, route.Failed: 1}},
			Changes: 20, Lost: 1, Reads: 2, ReadFor: 3 * time.Second, Punted: 6}},
		Flows: []Flows{{Master: "eth1", Known: 5, Open: 8, Admitted: 12, Refused: 1, Ended: map[string]uint64{"gone": 7},
			HandedBack: map[string]uint64{"rules": 2}, Packets: 100, Bytes: 9000}},
		Drops: []api.DropRow{{Where: "ipvl0 (eth0/1)", Reasons: map[string]uint64{"private": 3}}}}}
}

func testMetrics(s Source) *Metrics {
	m := New(s, "v1")
	m.Request("POST /v1/link", 3*time.Millisecond, true)
	m.Swap(time.Millisecond)
	return m
}

func TestMetricsTellTheSnapshot(t *testing.T) {
	want := `# HELP ipvd_accounted_packets_total Packets by what became of them: received + copied = delivered + dropped.
# TYPE ipvd_accounted_packets_total counter
ipvd_accounted_packets_total{kind="copied"} 1
ipvd_accounted_packets_total{kind="delivered"} 7
ipvd_accounted_packets_total{kind="dropped"} 3
ipvd_accounted_packets_total{kind="received"} 9
# HELP ipvd_dropped_packets_total Packets dropped, by slave, port or stage, and by reason.
# TYPE ipvd_dropped_packets_total counter
ipvd_dropped_packets_total{reason="private",where="ipvl0 (eth0/1)"} 3
# HELP ipvd_link_receive_bytes_total Bytes that the link received.
# TYPE ipvd_link_receive_bytes_total counter
ipvd_link_receive_bytes_total{id="0",link="eth0",master="eth0",netns=""} 0
ipvd_link_receive_bytes_total{id="1",link="ipvl0",master="eth0",netns="c1"} 500
# HELP ipvd_link_up Whether the link is up and has a carrier.
# TYPE ipvd_link_up gauge
ipvd_link_up{id="0",link="eth0",master="eth0",netns=""} 0
ipvd_link_up{id="1",link="ipvl0",master="eth0",netns="c1"} 1
# HELP ipvd_worker_burst_packets Packets that a step received, of steps that received any.
# TYPE ipvd_worker_burst_packets histogram
ipvd_worker_burst_packets_bucket{cpu="2",worker="0",le="1"} 1
ipvd_worker_burst_packets_bucket{cpu="2",worker="0",le="2"} 1
ipvd_worker_burst_packets_bucket{cpu="2",worker="0",le="4"} 3
ipvd_worker_burst_packets_bucket{cpu="2",worker="0",le="+Inf"} 4
ipvd_worker_burst_packets_sum{cpu="2",worker="0"} 9
ipvd_worker_burst_packets_count{cpu="2",worker="0"} 4
# HELP ipvd_requests_failed_total Requests of the control socket that were refused or failed.
# TYPE ipvd_requests_failed_total counter
ipvd_requests_failed_total{request="POST /v1/link"} 1
`
	err := testutil.GatherAndCompare(testMetrics(testSource()).registry, strings.NewReader(want), "ipvd_accounted_packets_total",
		"ipvd_dropped_packets_total", "ipvd_link_receive_bytes_total", "ipvd_link_up", "ipvd_worker_burst_packets", "ipvd_requests_failed_total")
	if err != nil {
		t.Error(err)
	}
}

func TestMetricsTellRoutesAndFlows(t *testing.T) {
	want := `# HELP ipvd_flow_shortcut_packets_total Packets that left out the host, and so conntrack.
# TYPE ipvd_flow_shortcut_packets_total counter
ipvd_flow_shortcut_packets_total{master="eth1"} 100
# HELP ipvd_flow_shortcuts Directions of flows that leave out the host now.
# TYPE ipvd_flow_shortcuts gauge
ipvd_flow_shortcuts{master="eth1"} 8
# HELP ipvd_flows_ended_total Flows that may no longer leave out the host. gone: conntrack has forgotten them; closing: it calls them established no longer; untraced: it cannot be asked.
# TYPE ipvd_flows_ended_total counter
ipvd_flows_ended_total{cause="gone",master="eth1"} 7
# HELP ipvd_flows_handed_back_total Times that all flows were given back to the host, by what has changed there.
# TYPE ipvd_flows_handed_back_total counter
ipvd_flows_handed_back_total{cause="rules",master="eth1"} 2
# HELP ipvd_route_neighbours Neighbours on the master's link, by what the kernel knows of them.
# TYPE ipvd_route_neighbours gauge
ipvd_route_neighbours{master="eth0",state="failed"} 1
ipvd_route_neighbours{master="eth0",state="unknown"} 0
ipvd_route_neighbours{master="eth0",state="usable"} 4
# HELP ipvd_route_read_seconds How long it took to read everything again the last time; 0 if that was not needed yet.
# TYPE ipvd_route_read_seconds gauge
ipvd_route_read_seconds{master="eth0"} 3
# HELP ipvd_routes Routes that l3 looks packets up in: those of the host that leave by the master.
# TYPE ipvd_routes gauge
ipvd_routes{family="inet",master="eth0"} 7
ipvd_routes{family="inet6",master="eth0"} 2
`
	err := testutil.GatherAndCompare(testMetrics(testSource()).registry, strings.NewReader(want), "ipvd_flow_shortcut_packets_total", "ipvd_flow_shortcuts",
		"ipvd_flows_ended_total", "ipvd_flows_handed_back_total", "ipvd_route_neighbours", "ipvd_route_read_seconds", "ipvd_routes")
	if err != nil {
		t.Error(err)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	problems, err := testutil.GatherAndLint(testMetrics(testSource()).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// get scrapes a server.
func get(t *testing.T, s *Server) (status int, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, s.Addr().Network(), s.Addr().String())
	}}}
	r, err := client.Get("http://ipvd/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestScrapesAreAnsweredByTCPAndUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "ipvd")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	stale := filepath.Join(dir, "stale")
	if l, err := net.Listen("unix", stale); err != nil {
		t.Fatal(err)
	} else {
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		l.Close()
	}
	for _, address := range []string{"127.0.0.1:0", "unix:" + filepath.Join(dir, "new"), "unix:" + stale} {
		s, err := testMetrics(testSource()).Serve(address)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := get(t, s); status != http.StatusOK || !strings.Contains(body, `ipvd_build_info{version="v1"} 1`) {
			t.Errorf("%s: status %d, %.200s", address, status, body)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAddressesThatAreTakenAreRefused(t *testing.T) {
	dir, err := os.MkdirTemp("", "ipvd")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file, socket := filepath.Join(dir, "file"), filepath.Join(dir, "socket")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, want := range map[string]string{"unix:" + file: "no socket", "unix:" + socket: "another process", "203.0.113.1:9600": "203.0.113.1"} {
		s, err := New(testSource(), "").Serve(address)
		if err == nil {
			s.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

func TestADaemonThatCannotTellIsAnError(t *testing.T) {
	s, err := New(fixed{err: errors.New("it is ending")}, "").Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	if status, body := get(t, s); status != http.StatusInternalServerError || !strings.Contains(body, "it is ending") {
		t.Errorf("status %d, %s", status, body)
	}
}

func TestNoMetricsTakeObservations(t *testing.T) {
	var none *Metrics
	none.Request("GET /v1/link", time.Second, false)
	none.Swap(time.Second)
}
