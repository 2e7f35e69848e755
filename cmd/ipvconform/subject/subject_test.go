package subject

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

func TestIpvlanCommandsGoToTheClient(t *testing.T) {
	d := New(Config{Bin: "/b"})
	d.dir = "/d"
	l := &lab.Lab{Scenario: matrix.Lab("l2", "bridge")}
	for cmd, want := range map[string]string{
		"ip link add link eth0 name x0 type ipvlan mode l3": "/b/ipvctl --socket /d/s link add link eth0 name x0 type ipvlan mode l3",
		"ip link set s0 type ipvlan mode l2 private":        "/b/ipvctl --socket /d/s link set s0 type ipvlan mode l2 private",
		"ip link del s1":                        "/b/ipvctl --socket /d/s link del s1",
		"ip link del d0":                        "ip link del d0",
		"ip link set s0 down":                   "ip link set s0 down",
		"ip link add d0 type veth peer name d1": "ip link add d0 type veth peer name d1",
		"ip addr add 10.0.0.50/32 dev s0":       "ip addr add 10.0.0.50/32 dev s0",
	} {
		if got := d.Command(l, "host", cmd); got != want {
			t.Errorf("%s: got %q, want %q", cmd, got, want)
		}
	}
}

// built are ipvd and ipvctl in a folder of the test.
func built(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes network namespaces")
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir+"/", "ipvd/cmd/ipvd", "ipvd/cmd/ipvctl").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return dir
}

func TestScenarioRunsOnTheDaemon(t *testing.T) {
	bin := built(t)
	s := matrix.Lab("l2", "bridge")
	s.Steps = []scenario.Step{
		{ID: "to s1", At: "s0", UDP: &scenario.Datagram{Dst: "10.0.0.11", TTL: 9}, WaitMS: 300},
		{ID: "gone", At: "host", Cmd: "ip link del s1"},
		{ID: "to the wire", At: "s0", UDP: &scenario.Datagram{Dst: "10.0.0.254"}, WaitMS: 300},
	}
	r := lab.Run(s, New(Config{Bin: bin}), "ipvdt-conform-")
	if r.Error != "" || len(r.Steps) != 3 {
		t.Fatalf("got %d steps and error %q, want 3", len(r.Steps), r.Error)
	}
	if d := r.Steps[0].UDP; len(d) != 1 || d[0].Port != "s1" || d[0].TTL != 9 {
		t.Errorf("datagram to s1: got %+v", d)
	}
	if rc := r.Steps[1].RC; rc == nil || *rc != 0 {
		t.Errorf("removing s1: got status %v: %s", rc, r.Steps[1].Out)
	}
	arrived := false
	for _, f := range r.Steps[2].Seen {
		arrived = arrived || f.Port == scenario.Wire && f.Dir == scenario.In
	}
	if !arrived {
		t.Errorf("datagram to the wire: got %+v", r.Steps[2].Seen)
	}
	if out, _ := exec.Command("ip", "netns").Output(); strings.Contains(string(out), "ipvdt-conform-") {
		t.Errorf("namespaces are left: %s", out)
	}
}

func TestDaemonThatDoesNotStartIsReported(t *testing.T) {
	bin := built(t)
	s := matrix.Lab("l2", "bridge")
	r := lab.Run(s, New(Config{Bin: bin, Flags: []string{"--no-such-flag"}}), "ipvdt-refused-")
	if !strings.Contains(r.Error, "no-such-flag") || len(r.Steps) != 0 {
		t.Errorf("got %d steps and error %q, want one that names the flag", len(r.Steps), r.Error)
	}
}
