package lab

import (
	"fmt"

	"ipvd/cmd/ipvconform/scenario"
)

// Kernel is the driver in the running kernel.
type Kernel struct{}

// Start has nothing to do: the driver is there with its first link.
func (Kernel) Start(*Lab) error { return nil }

// AddSlave makes the link in the host's namespace and moves it.
func (Kernel) AddSlave(l *Lab, s scenario.Slave) error {
	return l.IP(scenario.Host,
		fmt.Sprintf("link add link %s name %s type %s mode %s %s", Master, s.Name, or(s.Type, "ipvlan"), l.Scenario.Mode, l.Scenario.FlagWord()),
		fmt.Sprintf("link set dev %s netns %s", s.Name, l.Namespace(s.Name)))
}

// Queues is false: the sender's own CPU forwards.
func (Kernel) Queues() bool { return false }

// Command runs commands as they are.
func (Kernel) Command(_ *Lab, _, cmd string) string { return cmd }

// Close has nothing to do: links end with their namespaces.
func (Kernel) Close() error { return nil }
