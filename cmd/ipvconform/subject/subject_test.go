package subject

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

// programs are ipvd, ipvctl and ipvconform, built once for all tests.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ipvdt-bin-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir+"/", "ipvd/cmd/ipvd", "ipvd/cmd/ipvctl", "ipvd/cmd/ipvconform").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build: %w: %s", err, out)
	}
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programs(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// built is the folder of the programs.
func built(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes network namespaces")
	}
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestScenarioRunsOnTheDaemon(t *testing.T) {
	bin := built(t)
	s := matrix.Lab("l2", "bridge")
	s.Setup = []scenario.Command{{At: "host", Cmd: "ip link add link eth0 name y0 type ipvlan mode l2 && ip -n $(ip netns identify) link set y0 up"}}
	s.Steps = []scenario.Step{
		{ID: "to s1", At: "s0", UDP: &scenario.Datagram{Dst: "10.0.0.11", TTL: 9}, WaitMS: 300},
		{ID: "gone", At: "s1", Cmd: "ip link del s1"},
		{ID: "to the wire", At: "s0", UDP: &scenario.Datagram{Dst: "10.0.0.254"}, WaitMS: 300},
	}
	r := lab.Run(s, New(Config{Bin: bin, Self: bin + "/ipvconform"}), "ipvdt-conform-")
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
	r := lab.Run(s, New(Config{Bin: bin, Self: bin + "/ipvconform", Flags: []string{"--no-such-flag"}}), "ipvdt-refused-")
	if !strings.Contains(r.Error, "no-such-flag") || len(r.Steps) != 0 {
		t.Errorf("got %d steps and error %q, want one that names the flag", len(r.Steps), r.Error)
	}
}

func TestCommandsMakeAndShowSlaves(t *testing.T) {
	bin := built(t)
	s := matrix.Lab("l2", "bridge")
	for _, c := range []struct{ at, cmd string }{
		{"s0", "ip -d link show s0 | grep -o 'ipvlan *mode l2 bridge'"},
		{"s2", "ip link add link s2 name n0 type ipvlan mode l2; ip link set n0 up && ip addr add 10.0.0.77/24 dev n0; ip -j -d link show n0 | grep -q '\"info_kind\":\"ipvlan\"'"},
		{"host", "sh -c 'ip netns exec $(ip netns identify) ip link add link eth0 x0 type ipvlan mode l2 && ip link set x0 up'"},
		{"host", "test $(ip -br link show type ipvlan | wc -l) = 1"},
		{"host", "ip link del x0 && ! ip link show x0"},
		{"host", "! ip link add link lo name x1 type ipvlan"},
		{"host", "ip link set eth0 mtu 1300 && ip link set eth0 address 02:00:00:00:00:aa"},
		{"s1", "ip -o link show s1 | grep 'mtu 1300 .*02:00:00:00:00:aa'"},
	} {
		s.Steps = append(s.Steps, scenario.Step{ID: c.cmd, At: c.at, Cmd: c.cmd})
	}
	s.Steps = append(s.Steps, scenario.Step{ID: "from n0", At: "n0", Hex: scenario.Frames{make([]byte, 60)}},
		scenario.Step{ID: "nowhere", At: "z9", Cmd: "true"})
	r := lab.Run(s, New(Config{Bin: bin, Self: bin + "/ipvconform", Flags: []string{"--compat", "kernel"}}), "ipvdt-commands-")
	if !strings.Contains(r.Error, `"z9"`) || len(r.Steps) != len(s.Steps)-1 {
		t.Fatalf("got %d steps and error %q, want %d and one that names z9", len(r.Steps), r.Error, len(s.Steps)-1)
	}
	for _, o := range r.Steps {
		if o.RC != nil && *o.RC != 0 || o.Error != "" {
			t.Errorf("%s: got %+v", o.ID, o)
		}
	}
}
