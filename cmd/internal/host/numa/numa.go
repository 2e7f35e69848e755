// Package numa tells on which NUMA node a CPU or a NIC is, as sysfs has it.
package numa

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Machine is a machine's sysfs.
type Machine struct{ root string }

// Here is this machine.
func Here() Machine { return Machine{"/sys"} }

// Several reports that the machine has more than one node.
func (m Machine) Several() bool {
	nodes, _ := filepath.Glob(filepath.Join(m.root, "devices/system/node/node[0-9]*"))
	return len(nodes) > 1
}

// OfCPU is the node of a CPU, -1 if unknown.
func (m Machine) OfCPU(cpu int) int {
	nodes, _ := filepath.Glob(filepath.Join(m.root, "devices/system/cpu", "cpu"+strconv.Itoa(cpu), "node[0-9]*"))
	if len(nodes) == 0 {
		return -1
	}
	return number(strings.TrimPrefix(filepath.Base(nodes[0]), "node"))
}

// OfPCI is the node of a device by its PCI address, -1 if unknown.
func (m Machine) OfPCI(address string) int {
	return m.read("bus/pci/devices", address, "numa_node")
}

// OfInterface is the node of the NIC behind an interface of this process's
// namespace, -1 if there is none or it is unknown.
func (m Machine) OfInterface(name string) int {
	return m.read("class/net", name, "device/numa_node")
}

func (m Machine) read(path ...string) int {
	b, err := os.ReadFile(filepath.Join(append([]string{m.root}, path...)...))
	if err != nil {
		return -1
	}
	return number(strings.TrimSpace(string(b)))
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}
