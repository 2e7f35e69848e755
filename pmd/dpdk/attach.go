package dpdk

/*
#include <errno.h>
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// Descriptors of a queue if PortOptions says nothing: enough for a burst of 256
// at both ends while a worker is away for a millisecond at 1 Mpps.
const defaultDesc = 1024

// PortOptions says how Attach configures a port.
type PortOptions struct {
	// Pool is where received packets are put. Required. net_af_xdp maps all of
	// a pool into the kernel and never gives back what lies in its rings, so
	// that such a port gets a pool of its own with Pool's data room.
	Pool *Pool
	// RxQueues and TxQueues are lowered to what the device has; 0 means 1.
	RxQueues, TxQueues int
	// RxDesc and TxDesc are descriptors per queue, adjusted to the device's
	// limits; 0 means 1024.
	RxDesc, TxDesc int
	// MTU in bytes; 0 keeps that of the kernel interface behind the port, or
	// the driver's own.
	MTU int
	// MAC replaces the device's address; nil keeps it.
	MAC net.HardwareAddr
	// Promiscuous and AllMulticast open the device's filter. A driver that
	// cannot be told so has none, which is not an error here.
	Promiscuous, AllMulticast bool
	// Interrupts configures RX interrupts, so that a worker can sleep until
	// packets come (PollSet.WaitFD). Where the driver has none, and for
	// net_af_xdp, which does without, it changes nothing.
	Interrupts bool
	// Netns is a descriptor of the network namespace in which the interface
	// named in the devargs lives; 0 or less: this process's. Attach keeps a
	// duplicate.
	Netns int
}

// Attach finds or probes a device, configures and starts it. devargs is a PCI
// address (0000:00:04.0) or a vdev with its arguments, such as
// net_af_xdp0,iface=eth0. On an error nothing is left behind.
//
// It returns pmd.ErrBusy for a device that is attached already, pmd.ErrNoPorts
// when DPDK's table of ports is full, pmd.ErrNoMemory, and pmd.ErrUnsupported
// for a MAC or MTU that the driver cannot set.
//
// For net_af_xdp on a veth or another interface without zero copy add
// busy_budget=0: the default of 64 costs a system call per empty poll and needs
// a NAPI instance to be worth it. With zero copy keep the default: without it
// the driver blocks its thread in poll(2) up to a second when its fill ring was
// empty. queue_count must be the interface's number of RX queues, for frames of
// the other queues go to the kernel; the driver sees 1 on a veth, so that one
// with more must be brought down to 1 (ethtool -L). DPDK 22.11 frees only the
// first of several queues when the port is closed: the others stay bound until
// the process ends. shared_umem gains nothing here, since every such port has a
// pool of its own. A program that a killed process left on the interface is
// replaced; whoever else uses the interface loses its own.
func (r *Runtime) Attach(devargs string, opt PortOptions) (*Port, error) {
	p, err := r.attach(devargs, opt)
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", devargs, err)
	}
	return p, nil
}

func (r *Runtime) attach(devargs string, opt PortOptions) (*Port, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep()
	name, err := r.admit(devargs, opt)
	if err != nil {
		return nil, err
	}
	p := &Port{rt: r, name: name, devargs: devargs, pool: opt.Pool}
	if opt.Netns > 0 {
		fd, err := unix.FcntlInt(uintptr(opt.Netns), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("duplicate network namespace %d: %w", opt.Netns, err)
		}
		p.netns = os.NewFile(uintptr(fd), "netns")
	}
	if err := inNetns(p.netns, func() error { return p.bringUp(opt) }); err != nil {
		p.netns.Close()
		return nil, err
	}
	r.ports[name] = p
	return p, nil
}

// admit checks what can be known before the device is touched, and gives the
// device's name on its bus.
func (r *Runtime) admit(devargs string, opt PortOptions) (string, error) {
	if r.closed {
		return "", pmd.ErrClosed
	}
	if opt.Pool == nil {
		return "", errors.New("no pool given")
	}
	if opt.Pool.pool == nil {
		return "", fmt.Errorf("pool %s: %w", opt.Pool.Name(), pmd.ErrClosed)
	}
	if opt.MAC != nil && len(opt.MAC) != 6 {
		return "", fmt.Errorf("MAC %s has %d bytes, not 6", opt.MAC, len(opt.MAC))
	}
	if opt.MTU < 0 || opt.MTU > 65535 || opt.RxDesc|opt.TxDesc|opt.RxQueues|opt.TxQueues < 0 ||
		max(opt.RxDesc, opt.TxDesc, opt.RxQueues, opt.TxQueues) > 65535 {
		return "", fmt.Errorf("MTU %d, queues %d/%d, descriptors %d/%d: out of range", opt.MTU, opt.RxQueues, opt.TxQueues, opt.RxDesc, opt.TxDesc)
	}
	text := C.CString(devargs)
	defer C.free(unsafe.Pointer(text))
	var name [64]C.char
	C.ipvd_forget_error()
	if ret := C.ipvd_devargs_name(text, &name[0], C.size_t(len(name))); ret != 0 {
		return "", fmt.Errorf("neither a PCI address nor a vdev that this DPDK knows, such as 0000:00:04.0 or net_memif0: %w", driverError(-C.EINVAL))
	}
	device := C.GoString(&name[0])
	if strings.HasPrefix(device, "net_ring") && strings.Contains(devargs, ",internal=") {
		return "", fmt.Errorf("argument internal is an address in this process: %w", unix.EINVAL)
	}
	if r.ports[device] != nil {
		return "", pmd.ErrBusy
	}
	if limit := int(C.ipvd_max_ports()); int(C.ipvd_count_ports()) >= limit && C.ipvd_find(&name[0]) < 0 {
		return "", fmt.Errorf("this DPDK was built for %d ports (RTE_MAX_ETHPORTS); use slaves of kind tap beyond: %w", limit, pmd.ErrNoPorts)
	}
	return device, nil
}

// The kernel unbinds the queue of a closed AF_XDP socket in its own time
// (xp_release_deferred in net/xdp/xsk_buff_pool.c), and until then the queue is
// busy, whoever had it: a port just closed, or a process just killed.
const (
	rebindTries = 20
	rebindPause = 25 * time.Millisecond
)

// bringUp makes the device a running port, or leaves nothing of it.
func (p *Port) bringUp(opt PortOptions) error {
	for try := 1; ; try++ {
		err := p.bringUpOnce(opt)
		refused := C.ipvd_xdp_refused() != 0 // not busy: it will not do it later either
		if err == nil || !p.quirk.xdp || p.started || refused || try == rebindTries {
			return err
		}
		time.Sleep(rebindPause)
		p.rx, p.tx, p.own, p.files = nil, nil, nil, nil
		p.rt.sweep()
	}
}

func (p *Port) bringUpOnce(opt PortOptions) error {
	if err := p.probe(); err != nil {
		return err
	}
	err := p.configure(opt)
	if err == nil {
		err = p.apply(opt)
	}
	if err != nil {
		p.takeDown()
	}
	return err
}

// probe gives the device its driver, unless the EAL did so when it started.
func (p *Port) probe() error {
	name, devargs := C.CString(p.name), C.CString(p.devargs)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(devargs))
	id := C.ipvd_find(name)
	if id < 0 {
		if iface, ok := xdpInterface(p.devargs); ok {
			if err := detachXDP(iface); err != nil {
				return err
			}
		}
		C.ipvd_forget_error()
		ret := C.ipvd_probe(devargs)
		if ret == -C.EEXIST {
			return pmd.ErrBusy
		}
		if ret != 0 {
			return fmt.Errorf("probe: %w", driverError(ret))
		}
		id = C.ipvd_find(name)
	}
	if id < 0 {
		return errors.New("probe: no driver made a port of the device: is it bound to one that DPDK can use?")
	}
	p.id = C.uint16_t(id)
	return nil
}
