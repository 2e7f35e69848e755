package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ipvd/cmd/ipvconform/devices"
	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/subject"
	"ipvd/cmd/ipvconform/uml"
)

// chosen is a scenario of the devices with a few of its steps.
func chosen(name string, ids ...string) scenario.Scenario {
	for _, s := range devices.Scenarios() {
		if s.Name == name {
			s.Steps = slices.DeleteFunc(s.Steps, func(step scenario.Step) bool { return !slices.Contains(ids, step.ID) })
			return s
		}
	}
	return scenario.Scenario{}
}

// TestL3RoutesByTheVRFOfTheHostPort: in user-mode Linux, with the host port in a
// VRF, a packet goes by the VRF's table; without a route in it the slave is told,
// which by the host's kernel it would not be.
func TestL3RoutesByTheVRFOfTheHostPort(t *testing.T) {
	g, bin := newGuest(t)
	all := []scenario.Scenario{chosen("vrf-l3", "s0.stack.udp4.vrf", "s0.stack.udp4.noroute")}
	results, err := runner{config: subject.Config{Bin: bin}, guest: g, where: inUML, wait: 40}.run(t.Context(), io.Discard, all)
	if err != nil || len(results) != 1 || results[0].Error != "" || len(results[0].Steps) != 2 {
		t.Fatalf("got %+v and error %v, want a result with 2 steps", results, err)
	}
	if got := receivers(results[0].Steps[0]); got != scenario.Wire {
		t.Errorf("by the VRF's route: seen by %q, want the wire", got)
	}
	if got := receivers(results[0].Steps[1]); got != "s0" {
		t.Errorf("without a route: seen by %q, want an error at s0", got)
	}
}

// TestDaemonRunsWhereTheKernelHasTheInterfaces: ipvd itself runs in user-mode
// Linux, with a VLAN interface on its host port, and with the host port in a
// VRF.
func TestDaemonRunsWhereTheKernelHasTheInterfaces(t *testing.T) {
	g, bin := newGuest(t)
	all := []scenario.Scenario{
		chosen("vlan-on-master-l2", "w.udp4.s0", "w.vlan5.udp4.host", "host.stack.vlan5.out"),
		chosen("vrf-l3s", "w.udp4.s0", "s0.stack.udp4.vrf"),
	}
	results, err := runner{config: subject.Config{Bin: bin}, guest: g, where: inUML, wait: 40}.run(t.Context(), io.Discard, all)
	if err != nil || len(results) != 2 || results[0].Error+results[1].Error != "" || len(results[0].Steps) != 3 || len(results[1].Steps) != 2 {
		t.Fatalf("got %+v and error %v, want results with 3 and 2 steps", results, err)
	}
	for _, r := range results {
		if d := r.Steps[0].UDP; r.Subject != "ipvd" || len(d) != 1 || d[0].Port != "s0" {
			t.Errorf("%s %s: sockets got %+v, want s0's", r.Name, r.Steps[0].ID, d)
		}
	}
	toHost, tagged, vrf := results[0].Steps[1], results[0].Steps[2], results[1].Steps[1]
	if d := toHost.UDP; len(d) != 1 || d[0].Port != scenario.Host || d[0].Src != "10.5.0.254" {
		t.Errorf("%s: sockets got %+v, want the host's", toHost.ID, d)
	}
	tag := func(o scenario.Outcome) int {
		for _, f := range o.Seen {
			if f.Port == scenario.Wire && f.TCI != nil {
				return int(*f.TCI)
			}
		}
		return -1
	}
	if tag(tagged) != 5 {
		t.Errorf("%s: on the wire: got %+v, want a frame with tag 5", tagged.ID, tagged.Seen)
	}
	if got := receivers(vrf); got != scenario.Wire {
		t.Errorf("%s: seen by %q, want the wire", vrf.ID, got)
	}
}

func TestDaemonThatDoesNotStartInTheGuestGivesItsLog(t *testing.T) {
	g, bin := newGuest(t)
	r := runner{config: subject.Config{Bin: bin, Flags: []string{"--no-such-flag"}}, guest: g, where: inUML}
	results, err := r.run(t.Context(), io.Discard, []scenario.Scenario{only("l2", "w.udp4.s0")})
	if err != nil || len(results) != 1 || !strings.Contains(results[0].Error, "unknown flag: --no-such-flag") {
		t.Errorf("got %+v and error %v, want a result with the daemon's words", results, err)
	}
}

func TestScenarioGoesWhereItCanRun(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it asks the kernel for interfaces")
	}
	with := func(kind string) scenario.Scenario {
		s := only("l2", "w.udp4.s0")
		s.Name = kind
		s.Setup = []scenario.Command{{At: scenario.Host, Cmd: "ip link add x0 type " + kind}}
		return s
	}
	for where, want := range map[string][]string{auto: {"", "nosuchkind"}, here: {"", ""}, inUML: {"asked for", "asked for"}} {
		for i, kind := range []string{"veth", "nosuchkind"} {
			got, err := runner{where: where}.lacks(with(kind))
			if err != nil || (got == "") != (want[i] == "") || !strings.Contains(got, want[i]) {
				t.Errorf("--where %s, type %s: got %q and error %v, want %q", where, kind, got, err, want[i])
			}
		}
	}
	if _, err := (runner{where: "there"}).lacks(with("veth")); err == nil || !strings.Contains(err.Error(), "--where there") {
		t.Errorf("got error %v, want one that names the flag", err)
	}
	if kinds := lab.Kinds(with("vlan id 5")); len(kinds) != 1 || kinds[0] != "vlan" {
		t.Errorf("kinds: got %q, want vlan", kinds)
	}
}

// link puts a tool of the machine into a folder.
func link(t *testing.T, tool, dir string) {
	t.Helper()
	from, err := exec.LookPath(tool)
	if err == nil {
		err = os.Symlink(from, filepath.Join(dir, tool))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestMachineWithoutUMLDoesTheRest: results come in the scenarios' order, and
// what could not run says why.
func TestMachineWithoutUMLDoesTheRest(t *testing.T) {
	g, bin := newGuest(t)
	path := t.TempDir()
	for _, tool := range []string{"ip", "sh", "ethtool"} {
		link(t, tool, path)
	}
	t.Setenv("PATH", path)
	first, second := only("l2", "w.udp4.s0"), only("l2", "w.udp4.s0")
	first.Name, second.Name = "first", "second"
	first.Setup = []scenario.Command{{At: scenario.Host, Cmd: "ip link add x0 type nosuchkind"}}
	var said bytes.Buffer
	results, err := runner{config: subject.Config{Bin: bin}, guest: g, where: auto, wait: 40}.run(t.Context(), &said, []scenario.Scenario{first, second})
	if err != nil || len(results) != 2 || results[0].Name != "first" || results[1].Name != "second" {
		t.Fatalf("got %+v and error %v, want two results", results, err)
	}
	if !strings.Contains(results[0].Error, uml.ErrUnsupported.Error()) || !strings.Contains(results[0].Error, "install the package") {
		t.Errorf("the first: got error %q, want what to install", results[0].Error)
	}
	if results[1].Error != "" || len(results[1].Steps) != 1 || len(results[1].Steps[0].UDP) != 1 {
		t.Errorf("the second: got %+v, want a datagram", results[1])
	}
	if !strings.Contains(said.String(), "scenario first: in user-mode Linux: this kernel has no interface of type nosuchkind") {
		t.Errorf("said: %q", said.String())
	}
}

func TestErrorOfTheGuestIsTheScenarios(t *testing.T) {
	r := runner{guest: guest{program: "/no/such/program"}, where: inUML}
	results, err := r.run(t.Context(), io.Discard, []scenario.Scenario{{Name: "a"}, {Name: "b"}})
	if err != nil || len(results) != 2 || !strings.Contains(results[0].Error, "/no/such/program") || !strings.Contains(results[1].Error, "not begun") {
		t.Errorf("got %+v and error %v, want two results with errors", results, err)
	}
}
