package packet

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
)

const (
	// etherLen is an Ethernet header, and macsLen the addresses in it.
	etherLen, macsLen = 14, 12
	// tagLen is a VLAN tag.
	tagLen = 4
	// maxFrame is the longest frame that is sent: any IP packet.
	maxFrame = 65535 + etherLen
)

// Port is an interface that is polled through a packet socket, with one RX and
// one TX queue.
type Port struct {
	name  string
	fd    int // the socket
	ns    int // the interface's namespace
	index int // of the interface in ns
	rx    queue
	tx    queue

	gone atomic.Bool  // set by workers and control
	mtu  atomic.Int32 // set by control, read by workers

	mu     sync.Mutex // guards the fields below; control only
	mac    net.HardwareAddr
	missed uint64
	closed bool
}

var _ pmd.Configurable = (*Port)(nil)

// Name is `af_packet-` and the interface's name when the port was opened.
func (p *Port) Name() string { return p.name }

// Info is what the interface was like when the port last set or read it.
func (p *Port) Info() pmd.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	return pmd.Info{
		Driver: "af_packet", MAC: slices.Clone(p.mac), MTU: int(p.mtu.Load()),
		Caps: pmd.Caps{MaxSegs: maxSegs, MaxFrame: maxFrame, Offloads: pmd.Checksum | pmd.TSO | pmd.USO}, Socket: -1,
	}
}

// Driver is the driver of all ports of this package.
func (p *Port) Driver() pmd.Driver { return Driver{} }

// Rx is the queue of frames that come in by the interface.
func (p *Port) Rx() []pmd.RxQueue { return []pmd.RxQueue{&p.rx} }

// Tx is the queue of frames that leave by it. Any number of workers may share
// it.
func (p *Port) Tx() []pmd.TxQueue { return []pmd.TxQueue{&p.tx} }

// Stats tells as Missed what the socket had no room for.
func (p *Port) Stats() pmd.PortStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		// The kernel counts from zero again after each call.
		if st, err := unix.GetsockoptTpacketStats(p.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			p.missed += uint64(st.Drops)
		}
	}
	return pmd.PortStats{Missed: p.missed}
}

// Carrier reports the interface's link state.
func (p *Port) Carrier() bool {
	up := false
	err := p.change("read its state", func(l netlink.Link) error {
		up = l.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
		return nil
	})
	return up && err == nil
}

// Gone reports that the interface was deleted or has left its namespace.
func (p *Port) Gone() bool { return p.gone.Load() }

// SetMTU sets the interface's MTU, in bytes of an L3 packet.
func (p *Port) SetMTU(mtu int) error {
	return p.change(fmt.Sprintf("set MTU %d", mtu), func(l netlink.Link) error { return netlink.LinkSetMTU(l, mtu) })
}

// SetMAC sets the interface's address.
func (p *Port) SetMAC(mac net.HardwareAddr) error {
	return p.change("set MAC "+mac.String(), func(l netlink.Link) error { return netlink.LinkSetHardwareAddr(l, mac) })
}

// SetPromiscuous says whether the interface takes frames for other addresses.
func (p *Port) SetPromiscuous(on bool) error { return p.member(unix.PACKET_MR_PROMISC, on) }

// SetAllMulticast says whether the interface takes every multicast frame.
func (p *Port) SetAllMulticast(on bool) error { return p.member(unix.PACKET_MR_ALLMULTI, on) }

// member opens or closes a filter of the interface. The kernel undoes it when
// the socket ends, however that comes about.
func (p *Port) member(kind uint16, on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("%s: change its filter: %w", p.name, pmd.ErrClosed)
	}
	m := unix.PacketMreq{Ifindex: int32(p.index), Type: kind}
	// The kernel counts how often it was asked; once is enough.
	err := unix.SetsockoptPacketMreq(p.fd, unix.SOL_PACKET, unix.PACKET_DROP_MEMBERSHIP, &m)
	if err == nil && on {
		err = unix.SetsockoptPacketMreq(p.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m)
	}
	if err != nil {
		return fmt.Errorf("%s: change its filter %d to %t: %w", p.name, kind, on, err)
	}
	return nil
}

// change does something to the interface, in its namespace, and reads back what
// it is like then.
func (p *Port) change(what string, f func(netlink.Link) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("%s: %s: %w", p.name, what, pmd.ErrClosed)
	}
	err := netns.Do(p.ns, func() error {
		l, err := p.link()
		if err != nil {
			return err
		}
		if err := f(l); err != nil {
			return err
		}
		if l, err = p.link(); err == nil {
			p.mtu.Store(int32(l.Attrs().MTU))
			p.mac = slices.Clone(l.Attrs().HardwareAddr)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %s: %w", p.name, what, err)
	}
	return nil
}

// link is the interface, in the namespace that the caller is in.
func (p *Port) link() (netlink.Link, error) {
	l, err := netlink.LinkByIndex(p.index)
	var none netlink.LinkNotFoundError
	if errors.As(err, &none) {
		p.gone.Store(true)
		return nil, pmd.ErrGone
	}
	return l, err
}

// Close closes the socket. Workers must have given up the port's queues.
func (p *Port) Close() error {
	p.Stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	var errs []error
	for _, fd := range []int{p.fd, p.ns} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: close: %w", p.name, err)
	}
	return nil
}
