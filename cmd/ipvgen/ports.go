package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"ipvd/cmd/internal/config"
	"ipvd/cmd/ipvgen/internal/pace"
)

// portFlags say which ports to use, and how.
type portFlags struct {
	set         *pflag.FlagSet
	tx          string
	rx          []string
	sendOnly    bool
	cpus        []int
	line        pace.Line
	mtu         int
	descriptors int
	drain       time.Duration
	linkTimeout time.Duration
	memory      int
	noHuge      bool
	prefix      string
	eal         []string // what follows --
}

func newPortFlags() *portFlags {
	p := &portFlags{set: pflag.NewFlagSet("ports", pflag.ContinueOnError)}
	f := p.set
	f.StringVar(&p.tx, "tx", "", "port to send on: a PCI address or devargs; without it, only receive")
	f.StringArrayVar(&p.rx, "rx", nil, "port to receive on; may be repeated (default the sending one)")
	f.BoolVar(&p.sendOnly, "send-only", false, "do not receive: another process does")
	f.Var(flag(&p.cpus, "", "CPUS", parseWorkers), "cpus", "CPU of the worker, or of the sender and of the receiver, such as 2,3\n(default one worker, not pinned)")
	f.Var(flag(&p.line, "10G", "SPEED", pace.ParseLine), "line", "line speed that shares are of")
	f.Var(flag(&p.mtu, "", "BYTES", parseNumber(68, 9600)), "mtu", "MTU of the ports, and with it the largest frame (default the ports' own)")
	f.Var(flag(&p.descriptors, "1024", "N", parseNumber(32, 32768)), "descriptors", "descriptors of each queue")
	f.DurationVar(&p.drain, "drain", time.Second, "longest wait for packets after the last was sent, and how long a port that\nonly sends stays open; RFC 2544 asks for 2s")
	f.DurationVar(&p.linkTimeout, "link-timeout", 10*time.Second, "longest wait for the links to come up")
	f.Var(flag(&p.memory, "256", "MIB", parseNumber(64, 1<<20)), "memory", "memory for DPDK when there are no hugepages")
	f.BoolVar(&p.noHuge, "no-huge", false, "do without hugepages")
	f.StringVar(&p.prefix, "prefix", "", "DPDK's file prefix (default ipvgen and the process id)")
	f.SortFlags = false
	return p
}

func parseWorkers(s string) ([]int, error) {
	cpus, err := config.ParseCPUs(s)
	if err == nil && len(cpus) > 2 {
		err = fmt.Errorf("%q has %d CPUs: want one, or one to send and one to receive", s, len(cpus))
	}
	return cpus, err
}

// check refuses what does not fit together.
func (p *portFlags) check(needTx bool) error {
	switch {
	case p.tx == "" && needTx:
		return fmt.Errorf("no port to send on is given: name one with --tx")
	case p.tx == "" && len(p.rx) == 0:
		return fmt.Errorf("no port is given: name one to send on with --tx, or one to receive on with --rx")
	case p.sendOnly && (len(p.rx) > 0 || p.tx == ""):
		return fmt.Errorf("--send-only goes with --tx and without --rx")
	case p.sendOnly && needTx:
		return fmt.Errorf("--send-only: this test has to see what comes back")
	case p.drain < 0:
		return fmt.Errorf("--drain %v is negative", p.drain)
	}
	return nil
}

// rxPorts is where to receive.
func (p *portFlags) rxPorts() []string {
	if len(p.rx) == 0 && p.tx != "" && !p.sendOnly {
		return []string{p.tx}
	}
	return p.rx
}
