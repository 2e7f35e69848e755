package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"time"

	"ipvd/cmd/ipvgen/internal/pace"
	"ipvd/cmd/ipvgen/internal/report"
	"ipvd/cmd/ipvgen/internal/trial"
	"ipvd/flows/wire"
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
)

// rig is the tester with its ports open.
type rig struct {
	rt             *dpdk.Runtime
	pool           *dpdk.Pool
	ports          map[string]pmd.Port // by devargs
	bench          *trial.Bench
	srcMAC, dstMAC wire.MAC // those of the ports
	described      []report.Port
}

// openRig starts DPDK and opens the ports. When it fails, nothing is left open.
func openRig(ctx context.Context, p *portFlags) (*rig, error) {
	clock, err := pace.NewClock()
	if err != nil {
		return nil, err
	}
	args, pci := pciArgs(p)
	prefix := p.prefix
	if prefix == "" {
		prefix = fmt.Sprintf("ipvgen%d", os.Getpid())
	}
	rt, err := dpdk.Start(dpdk.Config{Args: args, MemMB: p.memory, NoPCI: !pci, NoHuge: p.noHuge, Prefix: prefix, Log: logDPDK})
	if err != nil {
		return nil, err
	}
	r := &rig{rt: rt, ports: map[string]pmd.Port{}}
	cpus := p.cpus
	if len(cpus) == 0 {
		cpus = []int{-1}
	}
	r.bench = &trial.Bench{Runtime: rt, CPUs: cpus, Clock: clock, Drain: p.drain, Run: uint16(rand.Uint32())}
	if err := r.open(ctx, p); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// mbufs of a pool besides those in descriptors: two workers' caches, stocks and
// vectors.
const spareMbufs = 8192

func (r *rig) open(ctx context.Context, p *portFlags) (err error) {
	names := p.rxPorts()
	pool := dpdk.PoolConfig{Name: "ipvgen", Size: spareMbufs + 2*p.descriptors*(len(names)+1), Socket: -1}
	if n := p.mtu + wire.EthernetLen + 2*wire.VLANLen; n > 2048 {
		pool.DataRoom = n
	}
	if r.pool, err = r.rt.NewPool(pool); err != nil {
		if errors.Is(err, pmd.ErrNoMemory) {
			err = fmt.Errorf("--memory %d: %w", p.memory, err)
		}
		return err
	}
	r.bench.Pool = r.pool
	if p.tx != "" {
		port, err := r.port(p, p.tx)
		if err != nil {
			return err
		}
		r.bench.Tx, r.srcMAC, r.dstMAC = port, wire.MAC(port.Info().MAC), wire.MAC(port.Info().MAC)
		r.describe("tx", p.tx, port)
	}
	for i, name := range names {
		port, err := r.port(p, name)
		if err != nil {
			return err
		}
		r.bench.Rx = append(r.bench.Rx, port)
		r.describe("rx", name, port)
		if i == 0 {
			r.dstMAC = wire.MAC(port.Info().MAC)
		}
	}
	return r.awaitLinks(ctx, p.linkTimeout)
}

// port opens a port, once.
func (r *rig) port(p *portFlags, devargs string) (port pmd.Port, err error) {
	if port := r.ports[devargs]; port != nil {
		return port, nil
	}
	if strings.HasPrefix(devargs, memifPrefix) {
		port, err = openMemif(devargs, p.mtu)
	} else {
		port, err = r.rt.Attach(devargs, dpdk.PortOptions{Pool: r.pool, RxDesc: p.descriptors, TxDesc: p.descriptors, MTU: p.mtu, Promiscuous: true})
	}
	if err == nil {
		r.ports[devargs] = port
	}
	return port, err
}

func (r *rig) describe(role, devargs string, port pmd.Port) {
	info := port.Info()
	r.described = append(r.described, report.Port{Role: role, Device: devargs, Driver: info.Driver, Address: info.MAC.String()})
}

// awaitLinks waits until every port has a link: memif has one when its peer is
// there.
func (r *rig) awaitLinks(ctx context.Context, timeout time.Duration) error {
	for end := time.Now().Add(timeout); ; {
		down := ""
		for name, port := range r.ports {
			if !port.Carrier() {
				down = name
			}
		}
		switch {
		case down == "":
			return nil
		case time.Now().After(end):
			return fmt.Errorf("port %s: no link after %v: is the other side there?", down, timeout)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// close closes the ports and frees what they hold, packets in a ring that nobody
// has read included.
func (r *rig) close() error {
	var errs []error
	for _, port := range r.ports {
		errs = append(errs, port.Close())
	}
	return errors.Join(append(errs, r.rt.Close())...)
}

// pciArgs gives the EAL's arguments, and whether a port is on the PCI bus; only
// the ports given are probed there, unless the user chose.
func pciArgs(p *portFlags) (args []string, pci bool) {
	address := regexp.MustCompile(`^([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7](,|$)`)
	args = p.eal
	chosen := strings.Contains(" "+strings.Join(args, " "), " -a") || strings.Contains(strings.Join(args, " "), "--allow")
	for _, name := range append([]string{p.tx}, p.rx...) {
		if !address.MatchString(name) {
			continue
		}
		pci = true
		if !chosen {
			args = append(args[:len(args):len(args)], "-a", name)
		}
	}
	return args, pci
}

// logDPDK shows DPDK's warnings; levels are those of syslog.
func logDPDK(level int, line string) {
	if level <= 4 {
		fmt.Fprintln(os.Stderr, "ipvgen: dpdk:", line)
	}
}
