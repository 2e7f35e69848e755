package pmdtest

import (
	"fmt"
	"hash/crc32"
	"net"
	"sync"
	"time"

	"ipvd/pmd"
)

// PortOptions describe a fake port. The zero value is a port with one queue in
// each direction, a MAC made from its name, MTU 1500, no limits and no capacity
// bound.
type PortOptions struct {
	MAC        net.HardwareAddr
	MTU        int
	Caps       pmd.Caps
	RxQueues   int
	TxQueues   int
	TxCapacity int           // frames that a TX queue holds until Sent takes them; 0: any number
	Discard    bool          // sent frames are counted and forgotten, without allocation
	Interrupts bool          // a worker can sleep until frames are injected
	Gather     time.Duration // what the poll set asks for when it has received
}

// Port is a pmd.Configurable that a test feeds and empties. Its methods may be
// called from any goroutine.
type Port struct {
	rt     *Runtime
	name   string
	driver pmd.Driver
	rx     []*RxQueue
	tx     []*TxQueue

	mu      sync.Mutex
	info    pmd.Info
	stats   pmd.PortStats
	down    bool
	fail    error
	closed  bool
	discard bool
	cap     int
	held    int // slots of poll sets
}

var _ pmd.Configurable = (*Port)(nil)

// NewPort makes a port of the runtime's own driver.
func (rt *Runtime) NewPort(name string, opts PortOptions) *Port {
	return newPort(rt, rt, "pmdtest", name, opts)
}

// NewPort makes a port of the second driver.
func (d *OtherDriver) NewPort(name string, opts PortOptions) *Port {
	return newPort(d.rt, d, "pmdtest-other", name, opts)
}

func newPort(rt *Runtime, driver pmd.Driver, kind, name string, o PortOptions) *Port {
	if o.MAC == nil {
		sum := crc32.ChecksumIEEE([]byte(name))
		o.MAC = net.HardwareAddr{2, 0, byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
	}
	if o.MTU == 0 {
		o.MTU = 1500
	}
	p := &Port{rt: rt, name: name, driver: driver, discard: o.Discard, cap: o.TxCapacity,
		info: pmd.Info{Driver: kind, MAC: o.MAC, MTU: o.MTU, Caps: o.Caps, Socket: -1}}
	for i := range max(1, o.RxQueues) {
		p.rx = append(p.rx, &RxQueue{port: p, index: i, interrupts: o.Interrupts, gather: o.Gather, reportTo: -1})
	}
	for i := range max(1, o.TxQueues) {
		p.tx = append(p.tx, &TxQueue{port: p, index: i})
	}
	return p
}

// Name is the port's name.
func (p *Port) Name() string { return p.name }

// Driver is the runtime, or its OtherDriver.
func (p *Port) Driver() pmd.Driver { return p.driver }

// Info is as the options and the setters made it.
func (p *Port) Info() pmd.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.info
}

// Rx gives the receive queues.
func (p *Port) Rx() []pmd.RxQueue {
	qs := make([]pmd.RxQueue, len(p.rx))
	for i, q := range p.rx {
		qs[i] = q
	}
	return qs
}

// Tx gives the transmit queues.
func (p *Port) Tx() []pmd.TxQueue {
	qs := make([]pmd.TxQueue, len(p.tx))
	for i, q := range p.tx {
		qs[i] = q
	}
	return qs
}

// Stats is what SetStats set.
func (p *Port) Stats() pmd.PortStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// SetStats sets the device's own counters.
func (p *Port) SetStats(s pmd.PortStats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats = s
}

// Carrier is up until SetCarrier.
func (p *Port) Carrier() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.down
}

// SetCarrier sets the link state. A port without carrier refuses what is sent.
func (p *Port) SetCarrier(up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = !up
}

// Fail makes the setters of pmd.Configurable, and adding the port's queues to a
// poll set, give err; nil undoes it.
func (p *Port) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

// SetTxCapacity sets how many frames each TX queue holds until Sent takes them;
// 0: any number.
func (p *Port) SetTxCapacity(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cap = n
}

// SetMTU sets the MTU.
func (p *Port) SetMTU(mtu int) error {
	return p.configure("set mtu", func() { p.info.MTU = mtu })
}

// SetMAC sets the MAC.
func (p *Port) SetMAC(mac net.HardwareAddr) error {
	return p.configure("set mac", func() { p.info.MAC = mac })
}

// SetPromiscuous changes nothing that a fake has.
func (p *Port) SetPromiscuous(bool) error { return p.configure("set promiscuous", func() {}) }

// SetAllMulticast changes nothing that a fake has.
func (p *Port) SetAllMulticast(bool) error { return p.configure("set allmulticast", func() {}) }

func (p *Port) configure(what string, set func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usable(); err != nil {
		return fmt.Errorf("port %s: %s: %w", p.name, what, err)
	}
	set()
	return nil
}

// usable says why the port cannot be used; the caller holds mu.
func (p *Port) usable() error {
	if p.closed {
		return pmd.ErrClosed
	}
	return p.fail
}

// Close records that the port was closed.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held > 0 && !p.closed {
		p.rt.fault("port %s closed while poll sets hold %d of its queues", p.name, p.held)
	}
	p.closed = true
	return nil
}

// Closed reports that Close was called.
func (p *Port) Closed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// hold counts one slot of a poll set more.
func (p *Port) hold() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usable(); err != nil {
		return err
	}
	p.held++
	return nil
}

func (p *Port) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held--
}
