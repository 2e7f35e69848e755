package suite

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
)

// says fails the test unless text holds all of want and no panic.
func says(t *testing.T, what, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s: got %q, want %q in it", what, text, w)
		}
	}
	if strings.Contains(text, "goroutine ") {
		t.Errorf("%s: a panic: %s", what, text)
	}
}

func TestWiresThatCannotBeHad(t *testing.T) {
	l := newLab(t, 0)
	for _, args := range []string{
		"link add br0 type bridge", "link add port type veth peer name base", "link set port master br0", "link set port up",
		"link add mv0 link base type macvlan",
	} {
		l.host.IP(args)
	}
	before := linkNames(l.host)
	for wire, want := range map[string][]string{
		"nosuch":                   {"wire nosuch", "no such interface"},
		"lo":                       {"wire lo", "loopback"},
		"port":                     {"wire port", "a port of br0", "nomaster"},
		"base":                     {"wire base", "macvlan mv0 stands on it", "remove that first"},
		"br0":                      {"wire br0", "bridge"},
		"0000:ff:1f.0":             {"0000:ff:1f.0", "is it there, and bound to a driver that DPDK can use"},
		"net_nosuch0":              {"net_nosuch0", "neither a PCI address nor a vdev"},
		"net_null0,x=1":            {"net_null0,x=1"},
		"net_af_xdp0":              {"net_af_xdp0"},
		"net_af_xdp0,iface=nosuch": {"nosuch"},
	} {
		says(t, wire, l.fails("--ephemeral", "--master", "m="+wire), append(want, "ipvd: master m")...)
	}
	if after := linkNames(l.host); !slices.Equal(after, before) {
		t.Errorf("after refusals the host has %q, want %q", after, before)
	}
}

// linkNames are the interfaces of a namespace.
func linkNames(ns hosttest.NS) []string {
	var names []string
	for line := range strings.Lines(ns.IP("-br link")) {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}

func TestWireWithoutCarrierComesUpLater(t *testing.T) {
	l := newLab(t, 1)
	l.router.IP("link set eth0 down")
	l.start("--ephemeral")
	l.await("the host port sees that the wire is down", defaultWait, func() bool { return l.link("eth0").OperState == "LOWERLAYERDOWN" })
	l.router.IP("link set eth0 up")
	l.add(0, "mode", "l2")
	l.ping(l.boxes[0], routerAddr)
	l.verify()
	l.stop()
}

func TestDefaultRouteIsTakenByForceOnly(t *testing.T) {
	l := newLab(t, 0)
	l.host.IP("route add default via " + routerAddr)
	l.router.IP("addr add 192.0.2.1/32 dev lo")
	says(t, "without force", l.fails("--ephemeral", "--master", "eth0"), "wire eth0", "default via "+routerAddr, "force")
	l.start("--ephemeral", "--force")
	l.ping(l.host, "192.0.2.1")
	l.verify()
	l.stop()
	if log := l.stderr.String(); !containsOnly(log, "{") {
		t.Errorf("lines in the log that are not the daemon's:\n%s", log)
	}
	says(t, "default route after the end", l.host.IP("route show default"), "default via "+routerAddr+" dev eth0")
	l.ping(l.host, "192.0.2.1")
}

func TestWireVanishes(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral")
	for i := range l.boxes {
		l.add(i, "mode", "l2")
	}
	l.ping(l.boxes[0], routerAddr)
	l.router.IP("link del eth0")
	l.await("link show tells", defaultWait, func() bool { return strings.Contains(l.link("eth0").State, "wire is gone") })
	l.await("the log tells", defaultWait, func() bool { return strings.Contains(l.stderr.String(), "the wire has vanished") })
	l.ping(l.boxes[0], boxAddr(1))
	l.verify()
	l.stop()
	if out := l.host.IP("-br link"); !containsOnly(out, "lo") {
		t.Errorf("left in the host: %s", out)
	}
}

func TestOnlyOneDaemonHasItAll(t *testing.T) {
	l := newLab(t, 1)
	state := filepath.Join(l.dir, "state")
	l.start("--state-dir", state)
	l.add(0, "mode", "l2")
	other := filepath.Join(l.dir, "other")
	l.host.IP("link add spare type veth peer name spare2")
	for what, tc := range map[string]struct {
		args []string
		want []string
	}{
		"same socket":    {[]string{"--master", "spare", "--ephemeral"}, []string{l.socket, "a daemon answers there (pid "}},
		"same wire":      {[]string{"--master", "eth0", "--ephemeral", "--socket", other}, []string{"wire eth0", "it is a TAP"}},
		"same state dir": {[]string{"--master", "spare", "--state-dir", state, "--socket", other}, []string{state, "in use"}},
	} {
		says(t, what, l.fails(tc.args...), tc.want...)
	}
	l.ping(l.boxes[0], routerAddr)
	l.verify()
	l.stop()
}
