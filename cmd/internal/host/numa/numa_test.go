package numa

import (
	"os"
	"path/filepath"
	"testing"
)

// machine makes a sysfs of files and folders; a path that ends in / is a folder.
func machine(t *testing.T, files map[string]string) Machine {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		full := filepath.Join(root, path)
		if path[len(path)-1] == '/' {
			if err := os.MkdirAll(full, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Machine{root}
}

func TestNodesAreReadFromSysfs(t *testing.T) {
	m := machine(t, map[string]string{
		"devices/system/node/node0/":               "",
		"devices/system/node/node1/":               "",
		"devices/system/cpu/cpu0/node0/":           "",
		"devices/system/cpu/cpu12/node1/":          "",
		"bus/pci/devices/0000:81:00.0/numa_node":   "1\n",
		"bus/pci/devices/0000:00:04.0/numa_node":   "-1\n",
		"bus/pci/devices/0000:00:05.0/numa_node":   "none\n",
		"class/net/eth0/device/numa_node":          "0\n",
		"class/net/veth0/address":                  "02:00:00:00:00:01\n",
		"devices/system/cpu/cpu1/topology/core_id": "1\n",
	})
	if !m.Several() {
		t.Error("two nodes count as one")
	}
	for what, c := range map[string]struct{ got, want int }{
		"CPU 0": {m.OfCPU(0), 0}, "CPU 12": {m.OfCPU(12), 1}, "a CPU without a node": {m.OfCPU(1), -1}, "no CPU": {m.OfCPU(99), -1},
		"a NIC on node 1": {m.OfPCI("0000:81:00.0"), 1}, "a NIC without a node": {m.OfPCI("0000:00:04.0"), -1},
		"an odd file": {m.OfPCI("0000:00:05.0"), -1}, "no NIC": {m.OfPCI("0000:ff:1f.7"), -1},
		"an interface": {m.OfInterface("eth0"), 0}, "one without a NIC": {m.OfInterface("veth0"), -1},
	} {
		if c.got != c.want {
			t.Errorf("%s: got node %d, want %d", what, c.got, c.want)
		}
	}
	if one := machine(t, map[string]string{"devices/system/node/node0/": ""}); one.Several() {
		t.Error("one node counts as several")
	}
}
