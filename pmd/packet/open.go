package packet

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ipvd/pmd/netns"
)

// Room of the socket in bytes: what comes and goes at 1 Gbit/s in 60 ms.
const (
	receiveBuffer = 8 << 20
	sendBuffer    = 8 << 20
)

// Config is what to open.
type Config struct {
	Device string // the interface's name
	MTU    int    // bytes of an L3 packet; 0 keeps the interface's
	// Promiscuous and AllMulticast open the interface's filter for as long as
	// the port is open.
	Promiscuous, AllMulticast bool
}

// Open makes a port of an Ethernet interface of the network namespace nsfd, of
// which it keeps a duplicate. It needs CAP_NET_RAW and CAP_NET_ADMIN there.
func Open(nsfd int, cfg Config) (*Port, error) {
	p := &Port{name: "af_packet-" + cfg.Device, fd: -1, ns: -1}
	p.rx.port, p.tx.port = p, p
	err := p.open(nsfd, cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: open: %w", p.name, errors.Join(err, p.Close()))
	}
	return p, nil
}

func (p *Port) open(nsfd int, cfg Config) (err error) {
	if p.ns, err = unix.FcntlInt(uintptr(nsfd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return fmt.Errorf("duplicate network namespace %d: %w", nsfd, err)
	}
	err = netns.Do(p.ns, func() error {
		l, err := netlink.LinkByName(cfg.Device)
		if err != nil {
			return fmt.Errorf("find interface %s: %w", cfg.Device, err)
		}
		p.index = l.Attrs().Index
		// Protocol 0: nothing is received before all is set.
		p.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("packet socket: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.set(); err != nil {
		return err
	}
	if err := errors.Join(p.SetPromiscuous(cfg.Promiscuous), p.SetAllMulticast(cfg.AllMulticast)); err != nil {
		return err
	}
	if cfg.MTU != 0 {
		err = p.SetMTU(cfg.MTU)
	} else {
		err = p.change("read its state", func(netlink.Link) error { return nil })
	}
	if err != nil {
		return err
	}
	to := &unix.SockaddrLinklayer{Ifindex: p.index, Protocol: network(unix.ETH_P_ALL)}
	if err := unix.Bind(p.fd, to); err != nil {
		return fmt.Errorf("bind to interface %d: %w", p.index, err)
	}
	return nil
}

// set sets the socket's options.
func (p *Port) set() error {
	for _, o := range []struct {
		level, name, value int
		what               string
	}{
		{unix.SOL_PACKET, unix.PACKET_AUXDATA, 1, "PACKET_AUXDATA"},
		{unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1, "PACKET_VNET_HDR"},
		{unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING (Linux 4.20)"},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer, "SO_RCVBUFFORCE"},
		{unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer, "SO_SNDBUFFORCE"},
	} {
		if err := unix.SetsockoptInt(p.fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("set %s to %d: %w", o.what, o.value, err)
		}
	}
	return nil
}

// network is v in network order.
func network(v uint16) uint16 { return v<<8 | v>>8 }
