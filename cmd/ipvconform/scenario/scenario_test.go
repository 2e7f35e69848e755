package scenario

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// load reads what a file with this content holds.
func load(t *testing.T, content string) ([]Scenario, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.json")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load[Scenario](path)
}

func TestHandWrittenScenarioIsRead(t *testing.T) {
	got, err := load(t, `{"name": "n", "mode": "l3", "master": {"mac": "02:00:00:00:00:01"},
		"slaves": [{"name": "a", "addrs": ["10.0.0.2/24"], "join": ["239.1.1.1"]}],
		"sysctl": {"host/net.ipv4.ip_forward": 1, "a/net.ipv4.conf.all.rp_filter": "2"},
		"steps": [{"id": "one", "at": "wire", "hex": "0aff"}, {"id": "two", "at": "a", "hex": ["00", "01"]},
			{"id": "three", "at": "a", "udp": {"dst": "10.0.0.1", "dport": 9}}, {"id": "four", "at": "host", "cmd": "ip link"}]}`)
	if err != nil || len(got) != 1 {
		t.Fatalf("got %d scenarios and error %v, want 1", len(got), err)
	}
	s := got[0]
	if want := []string{"host", "wire", "a"}; !reflect.DeepEqual(s.Ports(), want) {
		t.Errorf("ports: got %v, want %v", s.Ports(), want)
	}
	if s.FlagWord() != "bridge" {
		t.Errorf("flag: got %s, want bridge", s.FlagWord())
	}
	if s.Sysctl["host/net.ipv4.ip_forward"] != "1" || s.Sysctl["a/net.ipv4.conf.all.rp_filter"] != "2" {
		t.Errorf("sysctls: got %v", s.Sysctl)
	}
	if f := s.Steps[0].Hex; len(f) != 1 || !bytes.Equal(f[0], []byte{0x0a, 0xff}) {
		t.Errorf("one frame: got %x", f)
	}
	if f := s.Steps[1].Hex; len(f) != 2 || f[1][0] != 1 {
		t.Errorf("two frames: got %x", f)
	}
	if d := s.Steps[2].UDP; d == nil || d.Port != 9 {
		t.Errorf("datagram: got %+v", d)
	}
}

func TestWrongFileIsNamedInTheError(t *testing.T) {
	for name, content := range map[string]string{"not JSON": "{", "odd digits": `{"steps": [{"hex": "abc"}]}`, "no number": `{"sysctl": {"host/a": {}}}`} {
		if _, err := load(t, content); err == nil || !strings.Contains(err.Error(), "s.json") {
			t.Errorf("%s: got error %v, want one that names the file", name, err)
		}
	}
	if _, err := Load[Scenario](filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("a file that is not there: got no error")
	}
}

func TestSavedFileIsReadAgain(t *testing.T) {
	tci := uint16(5)
	want := []Result{{Name: "r", Mode: "l2", Flag: "vepa", Steps: []Outcome{{ID: "one", At: "wire",
		Seen: []Frame{{Port: "s0", Dir: In, Type: "host", Hex: Hex{1, 2}, TCI: &tci}},
		UDP:  []Delivery{{Port: "s0", TTL: 64, Len: 1, Data: "x"}}, Delta: map[string]map[string]int64{"s0": {"rx": 1}}}}}}
	for _, name := range []string{"r.json", "r.json.gz"} {
		path := filepath.Join(t.TempDir(), name)
		if err := Save(path, want); err != nil {
			t.Fatal(err)
		}
		if got, err := Load[Result](path); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v and error %v, want %+v", name, got, err, want)
		}
		first, _ := os.ReadFile(path)
		if err := Save(path, want); err != nil {
			t.Fatal(err)
		}
		if second, _ := os.ReadFile(path); !bytes.Equal(first, second) {
			t.Errorf("%s: equal values give different files", name)
		}
	}
}

func TestNotesMayHaveAnyForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	if err := os.WriteFile(path, []byte(`{"steps": [{"id": "one", "notes": ["text", {"port": "s0"}]}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Load[Result](path)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Note{"text", `{"port": "s0"}`}; !reflect.DeepEqual(got[0].Steps[0].Notes, want) {
		t.Errorf("got %q, want %q", got[0].Steps[0].Notes, want)
	}
}
