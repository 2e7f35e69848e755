package suite

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// scrape reads the metrics of a daemon.
func scrape(t *testing.T, path string) string {
	t.Helper()
	client := http.Client{Timeout: lookWait, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}}}
	r, err := client.Get("http://ipvd/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", r.StatusCode, err, b)
	}
	return string(b)
}

func TestMetricsTellOfTrafficAndDrops(t *testing.T) {
	l := newLab(t, 2)
	path := filepath.Join(l.dir, "m")
	l.start("--ephemeral", "--metrics", "unix:"+path)
	for i := range 2 {
		l.add(i, "mode", "l2", "private")
	}
	l.ping(l.boxes[0], routerAddr)
	want := []string{`ipvd_link_up{id="1",link="ipvl0",master="eth0",`, `ipvd_link_receive_packets_total{id="0",link="eth0",master="eth0",netns=""}`,
		`ipvd_dropped_packets_total{reason="private",where="ipvl0 (eth0/1)"}`, `ipvd_worker_burst_packets_bucket{`,
		`ipvd_request_duration_seconds_count{request="POST /v1/link"} 2`, `ipvd_swap_duration_seconds_count`, `ipvd_pool_mbufs{pool="ipvd"} 8192`}
	l.await("the metrics are there", lookWait, func() bool {
		l.boxes[0].IP("neigh replace " + boxAddr(1) + " lladdr " + masterMAC + " dev ipvl0")
		l.reaches(l.boxes[0], boxAddr(1))
		got := scrape(t, path)
		for _, w := range want {
			if !strings.Contains(got, w) {
				return false
			}
		}
		return true
	})
	l.stop()
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("the socket of a daemon that has ended answers")
	}
}
