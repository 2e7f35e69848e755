package rawip

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// minMTU is the least that every IPv4 link carries (RFC 791, section 3.2).
const minMTU, maxMTU = 68, maxIPv4

// Port sends IP packets through one device of one namespace.
type Port struct {
	device   string
	index    uint32 // of the device
	fd4, fd6 int    // -1: the kernel has no IPv6
	tx       queue
	mtu      atomic.Int32 // set by control, read by workers

	mu     sync.Mutex
	closed bool // under mu
}

var _ pmd.Port = (*Port)(nil)

// Name is `rawip-` and the device's name when the port was opened.
func (p *Port) Name() string { return "rawip-" + p.device }

// Info describes the port; it has no MAC, the kernel uses the device's.
func (p *Port) Info() pmd.Info {
	return pmd.Info{
		Driver: "rawip", MTU: int(p.mtu.Load()),
		Caps: pmd.Caps{MaxSegs: maxSegs, MaxFrame: maxFrame}, Socket: -1,
	}
}

// SetMTU sets the device's MTU, to which IPv4 packets are fragmented, in bytes.
func (p *Port) SetMTU(mtu int) error {
	if mtu < minMTU || mtu > maxMTU {
		return fmt.Errorf("%s: MTU %d is not in %d to %d", p.Name(), mtu, minMTU, maxMTU)
	}
	p.mtu.Store(int32(mtu))
	return nil
}

// Driver is the driver of all ports of this package.
func (p *Port) Driver() pmd.Driver { return Driver{} }

// Rx is empty.
func (p *Port) Rx() []pmd.RxQueue { return nil }

// Tx is the port's queue. Any number of workers may share it.
func (p *Port) Tx() []pmd.TxQueue { return []pmd.TxQueue{&p.tx} }

// Stats are zero: the device has its own counters.
func (p *Port) Stats() pmd.PortStats { return pmd.PortStats{} }

// Reasons are the reasons of the packets that the queue counts as Refused.
func (p *Port) Reasons() Reasons { return p.tx.stats.reasons() }

// Carrier is always true: without a link the kernel finds no route.
func (p *Port) Carrier() bool { return true }

// Close closes the sockets. Workers must have given up the queue.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	err := unix.Close(p.fd4)
	if p.fd6 >= 0 {
		if err6 := unix.Close(p.fd6); err == nil {
			err = err6
		}
	}
	if err != nil {
		return fmt.Errorf("%s: close: %w", p.Name(), err)
	}
	return nil
}
