package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/host/takeover"
	"ipvd/pmd/dpdk"
	"ipvd/pmd/packet"
)

// Descriptors of the wire's queues: what a burst of line rate needs while the
// worker is off its CPU for a moment.
const (
	rxDescriptors = 1024
	txDescriptors = 1024
)

// openWire opens the master's wire. A kernel interface is taken over first and
// polled in its private namespace.
func (m *master) openWire() error {
	if m.conf.Kind == config.Interface {
		return m.openInterface()
	}
	opt := m.portOptions()
	opt.RxQueues, opt.TxQueues = m.d.workers(), m.d.workers()
	err := m.attachWire(m.conf.Device, opt)
	if err != nil && m.conf.Kind == config.PCI {
		return fmt.Errorf("%w: is it there, and bound to a driver that DPDK can use, such as vfio-pci?", err)
	}
	return err
}

// portOptions are what every wire of DPDK is opened with.
func (m *master) portOptions() dpdk.PortOptions {
	return dpdk.PortOptions{
		Pool: m.pool, RxDesc: rxDescriptors, TxDesc: txDescriptors, MTU: m.d.cfg.MTU,
		Promiscuous: m.d.cfg.Promiscuous, AllMulticast: true, Interrupts: m.d.adaptive(), Netns: -1,
	}
}

// attachWire makes a device of DPDK the wire.
func (m *master) attachWire(devargs string, opt dpdk.PortOptions) error {
	port, err := m.d.rt.Attach(devargs, opt)
	if err != nil {
		return fmt.Errorf("wire %s: %w", m.conf.Device, err)
	}
	m.wire = port
	m.tellLowered(port)
	return nil
}

// openInterface takes a kernel interface over and opens it.
func (m *master) openInterface() (err error) {
	m.findRenamed()
	queues := rxQueues(m.conf.Device)
	if m.taken, err = takeover.TakeOver(m.conf.Device, m.d.store.Wires, takeover.Options{Force: m.d.cfg.Force}); err != nil {
		return err
	}
	fd, err := m.taken.OpenNetns()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if m.d.cfg.WireDriver == "af_packet" {
		return m.openPacket(fd)
	}
	err = m.openXDP(fd, queues)
	if err == nil || m.d.cfg.WireDriver == "af_xdp" {
		return err
	}
	m.log.Warn().Err(err).Msg("the wire cannot be polled by af_xdp: it is polled by af_packet, which copies each frame and is slower")
	return m.openPacket(fd)
}

// openXDP polls the interface, in namespace nsfd, by AF_XDP.
func (m *master) openXDP(nsfd, queues int) error {
	probe, err := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return fmt.Errorf("wire %s: this kernel has no AF_XDP sockets (CONFIG_XDP_SOCKETS): %w: use --wire-driver af_packet", m.conf.Device, err)
	}
	if err == nil {
		unix.Close(probe)
	}
	opt := m.portOptions()
	opt.Netns = nsfd
	opt.RxQueues, opt.TxQueues = queues, queues
	// A veth, which has no zero copy, pays a system call per empty poll for the
	// driver's busy_budget and gains nothing.
	return m.attachWire(fmt.Sprintf("net_af_xdp_%s,iface=%s,queue_count=%d,busy_budget=0", m.name, m.conf.Device, queues), opt)
}

// openPacket polls the interface, in namespace nsfd, by a packet socket.
func (m *master) openPacket(nsfd int) error {
	if err := m.taken.Unmerge(); err != nil {
		return err
	}
	port, err := packet.Open(nsfd, packet.Config{Device: m.conf.Device, MTU: m.d.cfg.MTU, Promiscuous: m.d.cfg.Promiscuous, AllMulticast: true})
	if err != nil {
		return fmt.Errorf("wire %s: %w", m.conf.Device, err)
	}
	m.wire = port
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
