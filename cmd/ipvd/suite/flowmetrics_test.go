package suite

import (
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"ipvd/cmd/internal/api"
)

// metricOf is the value of the series that begins with name, -1 if there is none.
func metricOf(text, name string) float64 {
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		return -1
	}
	v, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		return -1
	}
	return v
}

func TestExplainAndMetricsTellOfShortcuts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	f, _ := newCrossroads(t, "--metrics", "unix:"+path)
	c := f.connects(f.boxes[0], "udp", anycast, 80)
	f.fast(c)
	from := netip.MustParseAddrPort(f.flows()[0].Orig.Src)
	line := []string{"-j", "explain", "--dev", "ipvl0", from.Addr().String(), anycast, "udp", strconv.Itoa(int(from.Port())), "80"}
	// way is the stages and ports of the explained packet's way.
	way := func() (all []string) {
		for _, s := range decode[[]api.Path](f.lab, f.must(line...))[0].Steps {
			all = append(all, s.Stage+s.To)
		}
		return all
	}
	// Once a second the host sees a packet, and so might the one that is explained.
	f.await("explain says that the packet takes the shortcut to the wire", patience, func() bool {
		c.Write(make([]byte, 100)) // so that the host has sent on longer ones
		stages := way()
		return slices.Contains(stages, "eth0 shortcut") && slices.Contains(stages, "eth0/wire") && !slices.Contains(stages, "eth0 to return")
	})
	before := scrape(t, path)
	for name, least := range map[string]float64{`ipvd_flows{master="eth0"}`: 1, `ipvd_flows_admitted_total{master="eth0"}`: 1,
		`ipvd_flow_shortcut_packets_total{master="eth0"}`: 2, `ipvd_flow_shortcut_bytes_total{master="eth0"}`: 2 * 30} {
		if got := metricOf(before, name); got < least {
			t.Errorf("%s is %v, want %v at least", name, got, least)
		}
	}
	f.must("flow", "flush")
	if stages := way(); !slices.Contains(stages, "eth0 to return") {
		t.Errorf("after a flush: %q", stages)
	}
	f.in("conntrack", "-D", "-p", "udp", "--dport", "80")
	f.await("the flow has ended", patience, func() bool {
		now := scrape(t, path)
		return metricOf(now, `ipvd_flows{master="eth0"}`) == 0 && metricOf(now, `ipvd_flows_ended_total{cause="gone",master="eth0"}`) >= 1 &&
			metricOf(now, `ipvd_flows_handed_back_total{cause="flow flush",master="eth0"}`) == 1 &&
			metricOf(now, `ipvd_flow_shortcut_packets_total{master="eth0"}`) >= metricOf(before, `ipvd_flow_shortcut_packets_total{master="eth0"}`)
	})
	f.stop()
}

func TestMetricsTellOfRoutes(t *testing.T) {
	l := newLab(t, 1)
	path := filepath.Join(l.dir, "m")
	l.start("--ephemeral", "--metrics", "unix:"+path)
	l.add(0, "mode", "l3")
	l.await("the routes are read", defaultWait, func() bool { return metricOf(scrape(t, path), `ipvd_routes{family="inet",master="eth0"}`) >= 1 })
	before := metricOf(scrape(t, path), `ipvd_routes{family="inet",master="eth0"}`)
	l.host.IP("route add 192.0.2.0/24 via " + routerAddr)
	l.host.IP("route add 198.51.100.0/24 via " + routerAddr)
	l.ping(l.boxes[0], routerAddr)
	var now string
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(regexp.MustCompile(`(?m)^ipvd_route.*$`).FindAllString(now, -1), before)
		}
	})
	l.await("both routes and the neighbour are counted", defaultWait, func() bool {
		now = scrape(t, path)
		return metricOf(now, `ipvd_routes{family="inet",master="eth0"}`) == before+2 && metricOf(now, `ipvd_route_next_hops{master="eth0"}`) >= 1 &&
			metricOf(now, `ipvd_route_neighbours{master="eth0",state="usable"}`) >= 1 && metricOf(now, `ipvd_route_read_again_total{master="eth0"}`) >= 0 &&
			metricOf(now, `ipvd_route_changes_total{master="eth0"}`) >= 2
	})
	l.stop()
}
