// Package lab runs a scenario on the machine it is on: it makes the stations'
// namespaces, gives them what the scenario says, does the steps one by one and
// watches what every port sees of them. Who forwards between the ports is a
// Driver's business.
//
// It needs root, iproute2 and ethtool, and iptables for scenarios that count
// netfilter's packets.
package lab

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/ipvconform/scenario"
)

// Names of the interfaces between the wire and the host.
const (
	Master   = "eth0" // in the host's namespace
	WireLink = "w0"   // in the wire's
)

// Driver is who forwards: the kernel's driver, or ipvd.
type Driver interface {
	// Start is called when the host's eth0 and its veth peer are there, without
	// addresses, and before there are slaves.
	Start(l *Lab) error
	// AddSlave makes the slave's interface in its namespace.
	AddSlave(l *Lab, s scenario.Slave) error
	// Queues reports that frames may wait in the driver for its turn on a CPU:
	// then a step has ended only when a probe sent after it has passed.
	Queues() bool
	// Command is how a scenario's command is run here.
	Command(l *Lab, at, cmd string) string
	// Close ends what Start began, while the namespaces are still there.
	Close() error
}

// Watcher is a Driver that is told what is being done.
type Watcher interface {
	Driver
	// At is called before the setup, before each step, and at the end.
	At(step string)
}

// Follower is a Driver that hears of changes after they were made.
type Follower interface {
	Driver
	// Follow waits, after a command, until the driver knows what it has changed.
	Follow(l *Lab)
}

// Lab is a scenario that is being run. It is used by one goroutine.
type Lab struct {
	Scenario scenario.Scenario
	driver   Driver
	prefix   string
	ns       map[string]int    // by port: the open namespace
	homes    map[string]string // by port that a command has made: the port whose namespace it is in
	made     []string          // names of the namespaces that exist
	ports    []*port
	counters []counter
	notes    []scenario.Note
	probed   bool // the probe came to the host
	changed  bool // a command was run since ports were looked after
}

// Run runs a scenario. The namespaces are named prefix followed by the port's
// name, and gone when Run returns. What fails on the way is the result's Error;
// the steps before it count.
func Run(s scenario.Scenario, d Driver, prefix string) scenario.Result {
	start := time.Now()
	l := &Lab{Scenario: s, driver: d, prefix: prefix, ns: map[string]int{}, homes: map[string]string{}}
	r := scenario.Result{Name: s.Name, Mode: s.Mode, Flag: s.FlagWord(), Kernel: release()}
	l.at("setup")
	err := l.build()
	if err == nil {
		err = l.follow()
	}
	r.SetupS = seconds(start)
	if err == nil {
		l.drain(s.SettleMS, l.settleQuiet())
		for _, step := range s.Steps {
			l.at("step " + step.ID)
			var o scenario.Outcome
			if o, err = l.step(step); err != nil {
				err = fmt.Errorf("step %s: %w", step.ID, err)
				break
			}
			r.Steps = append(r.Steps, o)
		}
	}
	l.at("end")
	if err = errors.Join(err, l.close()); err != nil {
		r.Error = err.Error()
	}
	r.TotalS = seconds(start)
	return r
}

// at tells a watcher what comes now.
func (l *Lab) at(step string) {
	if w, ok := l.driver.(Watcher); ok {
		w.At(step)
	}
}

// settleQuiet is the quiet time after the setup, in milliseconds: reports of groups
// are counted where netfilter's counters are.
func (l *Lab) settleQuiet() int {
	if l.Scenario.IPTables {
		return 1500
	}
	return 300
}

// Namespace is the name of a port's namespace.
func (l *Lab) Namespace(port string) string { return l.prefix + or(l.homes[port], port) }

// in runs f in a port's namespace.
func (l *Lab) in(port string, f func() error) error {
	fd, ok := l.ns[port]
	if !ok {
		return fmt.Errorf("port %q: the scenario has none of that name", port)
	}
	return netns.Run(fd, f)
}

// close undoes build, in reverse order.
func (l *Lab) close() (err error) {
	for _, p := range l.ports {
		p.close()
	}
	for _, c := range l.counters {
		c.close()
	}
	err = l.driver.Close()
	for _, fd := range l.ns {
		unix.Close(fd)
	}
	for _, name := range l.made {
		err = errors.Join(err, netns.Delete(name))
	}
	return err
}

func seconds(since time.Time) float64 {
	return float64(time.Since(since).Milliseconds()) / 1000
}

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
