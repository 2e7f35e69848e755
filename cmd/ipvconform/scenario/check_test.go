package scenario

import (
	"strings"
	"testing"
)

func TestMalformedScenarioIsToldByItsField(t *testing.T) {
	for want, content := range map[string]string{
		"name":                                `{"mode": "l2", "steps": []}`,
		`mode: "l4"`:                          `{"name": "n", "mode": "l4"}`,
		`mode: ""`:                            `{"name": "n"}`,
		`flag: "secret"`:                      `{"name": "n", "mode": "l2", "flag": "secret"}`,
		"master.mac":                          `{"name": "n", "mode": "l2", "master": {"mac": "02:00"}}`,
		"wire.addrs[0]":                       `{"name": "n", "mode": "l2", "wire": {"addrs": ["10.0.0/24"]}}`,
		"slaves[0].neigh":                     `{"name": "n", "mode": "l2", "slaves": [{"name": "a", "neigh": {"10.0.0.1": "x"}}]}`,
		"slaves[1].name":                      `{"name": "n", "mode": "l2", "slaves": [{"name": "a"}, {"name": "a"}]}`,
		`slaves[0].name: "host"`:              `{"name": "n", "mode": "l2", "slaves": [{"name": "host"}]}`,
		"setup[0].at":                         `{"name": "n", "mode": "l2", "setup": [{"at": "x", "cmd": "true"}]}`,
		"steps[0] (one).at":                   `{"name": "n", "mode": "l2", "steps": [{"id": "one", "cmd": "true"}]}`,
		"steps[1] (step 2)":                   `{"name": "n", "mode": "l2", "steps": [{"at": "host", "cmd": "true"}, {"at": "host"}]}`,
		"steps[0] (u).udp.dst":                `{"name": "n", "mode": "l2", "steps": [{"id": "u", "at": "host", "udp": {"dst": "here"}}]}`,
		"steps[0] (u).udp: dport 70000":       `{"name": "n", "mode": "l2", "steps": [{"id": "u", "at": "host", "udp": {"dst": "::1", "dport": 70000}}]}`,
		"no datagram can be sent at the wire": `{"name": "n", "mode": "l2", "steps": [{"at": "wire", "udp": {"dst": "::1"}}]}`,
		"steps.hex of type":                   `{"name": "n", "mode": "l2", "steps": [{"at": "wire", "hex": 5}]}`,
		"hex: ":                               `{"name": "n", "mode": "l2", "steps": [{"at": "wire", "hex": "0"}]}`,
		"Scenario.slaves":                     `{"name": "n", "mode": "l2", "slaves": {}}`,
	} {
		_, err := load(t, content)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "s.json") {
			t.Errorf("%s: got error %v, want one that holds %q and the file's name", content, err, want)
		}
	}
}

func TestStepsWithoutAnIDGetOne(t *testing.T) {
	got, err := load(t, `{"name": "n", "mode": "l2", "steps": [{"at": "host", "cmd": "true"}, {"id": "x", "at": "host", "cmd": "true"}]}`)
	if err != nil || got[0].Steps[0].ID != "step 1" || got[0].Steps[1].ID != "x" {
		t.Errorf("got %+v and error %v", got, err)
	}
}
