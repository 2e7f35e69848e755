package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ipvd/cmd/ipvconform/devices"
	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/subject"
	"ipvd/cmd/ipvconform/uml"
)

// TestDaemonRunsWhereTheKernelHasTheInterfaces: ipvd itself runs in user-mode
// Linux, with a VLAN interface on its host port.
func TestDaemonRunsWhereTheKernelHasTheInterfaces(t *testing.T) {
	g, bin := newGuest(t)
	var s scenario.Scenario
	for _, d := range devices.Scenarios() {
		if d.Name == "vlan-on-master-l2" {
			s = d
		}
	}
	var steps []scenario.Step
	for _, step := range s.Steps {
		switch step.ID {
		case "w.udp4.s0", "w.vlan5.udp4.host", "host.stack.vlan5.out":
			steps = append(steps, step)
		}
	}
	s.Steps = steps
	r := runner{config: subject.Config{Bin: bin}, guest: g, where: inUML, wait: 40}
	results, err := r.run(t.Context(), io.Discard, []scenario.Scenario{s})
	if err != nil || len(results) != 1 || results[0].Error != "" || len(results[0].Steps) != 3 {
		t.Fatalf("got %+v and error %v, want one result with 3 steps", results, err)
	}
	toSlave, toHost, out := results[0].Steps[0], results[0].Steps[1], results[0].Steps[2]
	if d := toSlave.UDP; results[0].Subject != "ipvd" || len(d) != 1 || d[0].Port != "s0" {
		t.Errorf("%s: sockets got %+v, want s0's", toSlave.ID, d)
	}
	if d := toHost.UDP; len(d) != 1 || d[0].Port != scenario.Host || d[0].Src != "10.5.0.254" {
		t.Errorf("%s: sockets got %+v, want the host's", toHost.ID, d)
	}
	tag := -1
	for _, f := range out.Seen {
		if f.Port == scenario.Wire && f.TCI != nil {
			tag = int(*f.TCI)
		}
	}
	if tag != 5 {
		t.Errorf("%s: on the wire: got %+v, want a frame with tag 5", out.ID, out.Seen)
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
