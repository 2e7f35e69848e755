package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/host/takeover"
	"ipvd/pmd/dpdk"
)

// Descriptors of the wire's queues: what a burst of line rate needs while the
// worker is off its CPU for a moment.
const (
	rxDescriptors = 1024
	txDescriptors = 1024
)

// openWire attaches the master's wire. A kernel interface is taken over first
// and polled in its private namespace by af_xdp.
func (m *master) openWire() (err error) {
	opt := dpdk.PortOptions{
		Pool: m.d.pool, RxQueues: m.d.workers(), TxQueues: m.d.workers(),
		RxDesc: rxDescriptors, TxDesc: txDescriptors, MTU: m.d.cfg.MTU,
		Promiscuous: m.d.cfg.Promiscuous, AllMulticast: true, Interrupts: m.d.adaptive(), Netns: -1,
	}
	devargs := m.conf.Device
	if m.conf.Kind == config.Interface {
		queues := rxQueues(m.conf.Device)
		if m.taken, err = takeover.TakeOver(m.conf.Device, m.d.store.Wires, takeover.Options{Force: m.d.cfg.Force}); err != nil {
			return err
		}
		fd, err := m.taken.OpenNetns()
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		opt.Netns = fd
		opt.RxQueues, opt.TxQueues = queues, queues
		// A veth, which has no zero copy, pays a system call per empty poll for
		// the driver's busy_budget and gains nothing.
		devargs = fmt.Sprintf("net_af_xdp_%s,iface=%s,queue_count=%d,busy_budget=0", m.name, m.conf.Device, queues)
	}
	m.wire, err = m.d.rt.Attach(devargs, opt)
	switch {
	case err != nil && m.conf.Kind == config.PCI:
		return fmt.Errorf("wire %s: %w: is it there, and bound to a driver that DPDK can use, such as vfio-pci?", m.conf.Device, err)
	case err != nil:
		return fmt.Errorf("wire %s: %w", m.conf.Device, err)
	}
	return nil
}

// pciArgs gives the EAL's arguments, and whether a wire is on the PCI bus. The
// EAL tries its drivers on every NIC of the machine, unless it is told which:
// by the user, or here.
func pciArgs(cfg config.Config) (args []string, pci bool) {
	args = cfg.EAL
	chosen := slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-a") || strings.HasPrefix(a, "-b") || strings.HasPrefix(a, "--allow") || strings.HasPrefix(a, "--block")
	})
	for _, m := range cfg.Masters {
		if m.Wire.Kind != config.PCI {
			continue
		}
		pci = true
		if !chosen {
			args = append(slices.Clip(args), "-a", m.Wire.Device)
		}
	}
	return args, pci
}

// rxQueues is how many receive queues a kernel interface uses now: af_xdp has
// to read all of them, or frames are lost to the kernel's stack.
func rxQueues(name string) int {
	dirs, _ := filepath.Glob(filepath.Join("/sys/class/net", name, "queues", "rx-*"))
	return max(len(dirs), 1)
}
