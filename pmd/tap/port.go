package tap

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

const (
	// etherLen is an Ethernet header.
	etherLen = 14
	// overhead is what a frame adds to the MTU: Ethernet header and VLAN tag.
	overhead = etherLen + 4
	// maxFrame is the longest frame that is sent or received: any IP packet, with
	// two VLAN tags.
	maxFrame = etherLen + 2*4 + maxIP
	maxIP    = 65535
	// minMTU is the least that IPv4 works with (RFC 791).
	minMTU = 68
)

// MaxMTU is the most that the kernel gives a TAP, in bytes: the longest frame less
// the Ethernet header (drivers/net/tun.c, MAX_MTU).
const MaxMTU = 65535 - etherLen

// Port is an attached TAP interface with one RX and one TX queue. The
// interface goes away when the port is closed unless it is persistent.
type Port struct {
	fd   int
	pins bool // fd was opened in the interface's own namespace
	gro  bool // packets may be merged that are sent to it; set before a set has it
	uso  bool // the kernel can segment UDP
	rx   queue
	tx   queue

	gone    atomic.Bool  // set by workers and control
	carrier atomic.Bool  // as last set
	mtu     atomic.Int32 // set by control, read by workers

	mu     sync.Mutex // guards the fields below; control only
	name   string
	mac    net.HardwareAddr
	closed bool
}

var _ pmd.Port = (*Port)(nil)

func newPort(fd int, name string) *Port {
	p := &Port{fd: fd, name: name}
	p.rx.port, p.tx.port = p, p
	p.carrier.Store(true)
	return p
}

// Name is the interface's name when this process last set or saw it; IfName
// asks the kernel.
func (p *Port) Name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.name
}

// Info is what was configured: the kernel lets the interface's namespace change
// MTU and MAC without the port noticing. See SetInfo.
func (p *Port) Info() pmd.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	return pmd.Info{
		Driver: "tap", MAC: slices.Clone(p.mac), MTU: int(p.mtu.Load()),
		Caps:   pmd.Caps{MaxSegs: maxSegs, MaxFrame: maxFrame, Offloads: pmd.Checksum | pmd.TSO | pmd.USO},
		Socket: -1,
	}
}

// SetInfo tells the port the interface's MTU (bytes of L3 packet) and MAC after
// the control plane changed or saw them. The port reads frames of up to the MTU
// and 18 bytes, or that become such; longer ones count as Errors.
func (p *Port) SetInfo(mtu int, mac net.HardwareAddr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mtu.Store(int32(mtu))
	p.mac = slices.Clone(mac)
}

// Driver is the driver of all TAP ports.
func (p *Port) Driver() pmd.Driver { return Driver{} }

// Rx is the queue of frames that the interface's namespace sends.
func (p *Port) Rx() []pmd.RxQueue { return []pmd.RxQueue{&p.rx} }

// Tx is the queue of frames that the interface's namespace receives.
func (p *Port) Tx() []pmd.TxQueue { return []pmd.TxQueue{&p.tx} }

// Stats are the interface's own counters: Missed is what the kernel dropped
// because its queue towards the port was full. Zero when the device is gone.
func (p *Port) Stats() pmd.PortStats {
	link, h, err := p.link()
	if err != nil {
		return pmd.PortStats{}
	}
	h.Close()
	st := link.Attrs().Statistics
	if st == nil {
		return pmd.PortStats{}
	}
	return pmd.PortStats{Missed: st.TxDropped}
}

// Carrier is the link state last set by SetCarrier, on after Open and Attach,
// off when the device is gone.
func (p *Port) Carrier() bool { return p.carrier.Load() && !p.Gone() }

// Gone reports that the interface was deleted, by itself or with its namespace.
// Workers notice it when they read or write. Frames sent to it are Refused.
func (p *Port) Gone() bool { return p.gone.Load() }

// Close detaches from the interface, which stays if it is persistent. Workers
// must have given up the port's queues.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if err := unix.Close(p.fd); err != nil {
		return fmt.Errorf("tap %s: close: %w", p.name, err)
	}
	return nil
}

// SetPersist says whether the interface outlives the port.
func (p *Port) SetPersist(on bool) error {
	return p.control(fmt.Sprintf("set persistent to %t", on), func(fd int) error {
		return unix.IoctlSetInt(fd, unix.TUNSETPERSIST, boolInt(on))
	})
}

// SetCarrier sets the link state that the interface's namespace sees.
func (p *Port) SetCarrier(on bool) error {
	err := p.control(fmt.Sprintf("set carrier to %t", on), func(fd int) error {
		return unix.IoctlSetPointerInt(fd, unix.TUNSETCARRIER, boolInt(on))
	})
	if err == nil {
		p.carrier.Store(on)
	}
	return err
}

// control runs an ioctl on the open file. The error wraps pmd.ErrClosed or
// pmd.ErrGone where that is the reason.
func (p *Port) control(what string, ioctl func(fd int) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("tap %s: %s: %w", p.name, what, pmd.ErrClosed)
	}
	err := ioctl(p.fd)
	if errors.Is(err, unix.EBADFD) {
		p.gone.Store(true)
		err = pmd.ErrGone
	}
	if err != nil {
		return fmt.Errorf("tap %s: %s: %w", p.name, what, err)
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
