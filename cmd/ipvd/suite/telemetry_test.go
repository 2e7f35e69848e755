package suite

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// telemetry gives DPDK's own client a command, and decodes its answer into a T.
func telemetry[T any](l *lab, command string) T {
	l.t.Helper()
	socket := l.telemetrySocket()
	cmd := exec.Command("dpdk-telemetry.py", "-f", filepath.Base(filepath.Dir(socket)))
	cmd.Stdin = strings.NewReader(command + "\n")
	out, err := cmd.Output()
	if err != nil {
		l.t.Fatalf("dpdk-telemetry.py %s: %v: %s", command, err, out)
	}
	name, _, _ := strings.Cut(command, ",")
	for line := range strings.Lines(string(out)) {
		answer := map[string]T{}
		if json.Unmarshal([]byte(line), &answer) == nil && len(answer) == 1 {
			if a, ok := answer[name]; ok {
				return a
			}
		}
	}
	l.t.Fatalf("%s: no such answer in %s", command, out)
	panic("unreachable")
}

// telemetrySocket is where the daemon says that it is.
func (l *lab) telemetrySocket() string {
	l.t.Helper()
	status := struct{ Telemetry string }{}
	if err := json.Unmarshal([]byte(l.must("-j", "status")), &status); err != nil || status.Telemetry == "" {
		l.t.Fatalf("the daemon names no telemetry socket: %v", err)
	}
	return status.Telemetry
}

func TestDPDKsTelemetryClientAsksTheDaemon(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral")
	for i := range 2 {
		l.add(i, "mode", "l2", "private")
	}
	l.ping(l.boxes[0], routerAddr)
	if got := telemetry[[]string](l, "/"); !slices.Contains(got, "/ipvd/verify") || !slices.Contains(got, "/ethdev/stats") {
		t.Errorf("commands: got %q", got)
	}
	if got := telemetry[[]string](l, "/ipvd/links"); !slices.Equal(got, []string{"eth0", "eth0/1", "eth0/2"}) {
		t.Errorf("links: got %q", got)
	}
	if got := telemetry[[]string](l, "/ipvd/links,2"); !slices.Equal(got, []string{"eth0/2"}) {
		t.Errorf("links but two: got %q", got)
	}
	link := telemetry[map[string]any](l, "/ipvd/link,eth0/1")
	addrs, _ := link["addresses"].([]any)
	if link["name"] != "ipvl0" || link["mode"] != "l2" || link["flag"] != "private" || !slices.Contains(addrs, any(boxAddr(0))) {
		t.Errorf("link: got %v", link)
	}
	if n, _ := link["rx_packets"].(float64); n < 1 {
		t.Errorf("link: it says that it received %v packets", link["rx_packets"])
	}
	if got := telemetry[map[string]string](l, "/ipvd/link,nobody"); got["error"] != "no master or slave is called nobody" {
		t.Errorf("an unknown link: got %v", got)
	}
	status := telemetry[map[string]any](l, "/ipvd/status")
	if status["pid"] == nil || status["worker0_steps"] == nil {
		t.Errorf("status: got %v", status)
	}
	l.await("verify balances", lookWait, func() bool {
		v := telemetry[map[string]any](l, "/ipvd/verify")
		n, _ := v["received"].(float64)
		return v["ok"] == float64(1) && v["difference"] == float64(0) && n > 0
	})
	socket := l.telemetrySocket()
	l.stop()
	if _, err := os.Stat(filepath.Dir(socket)); err == nil {
		t.Errorf("%s is left", filepath.Dir(socket))
	}
}

func TestTelemetryIsAskedWhileLinksComeAndGo(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral")
	l.add(0, "mode", "l2")
	socket := l.telemetrySocket()
	stop, asked := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { asked <- n }()
		conn, err := net.Dial("unixpacket", socket)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		buf := make([]byte, 16<<10)
		for conn.Read(buf); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			conn.SetDeadline(time.Now().Add(lookWait))
			command := []string{"/ipvd/links", "/ipvd/link,eth0/1", "/ipvd/stats", "/ipvd/status", "/ipvd/stats,eth0 classify"}[n%5]
			if _, err := conn.Write([]byte(command)); err != nil {
				t.Error(err)
				return
			}
			if k, err := conn.Read(buf); err != nil || !json.Valid(buf[:k]) {
				t.Errorf("%s: %v: %s", command, err, buf[:k])
				return
			}
		}
	}()
	for range 5 {
		l.add(1)
		l.ping(l.boxes[0], routerAddr)
		l.must("link", "del", "ipvl1")
	}
	close(stop)
	if n := <-asked; n < 20 {
		t.Errorf("only %d answers", n)
	}
	l.verify()
	l.stop()
}

func TestTwoDaemonsHaveTelemetrySocketsOfTheirOwn(t *testing.T) {
	first, second := newLab(t, 0), newLab(t, 0)
	first.start("--ephemeral")
	second.start("--ephemeral")
	if a, b := first.telemetrySocket(), second.telemetrySocket(); a == b {
		t.Errorf("both say %s", a)
	}
	second.stop()
	if got := telemetry[[]string](first, "/ipvd/links"); !slices.Equal(got, []string{"eth0"}) {
		t.Errorf("after the second has ended: got %q", got)
	}
	first.stop()
}
