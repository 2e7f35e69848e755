package lab

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/scenario"
)

// captureBuffer is the room for frames that wait to be read, in bytes.
const captureBuffer = 1 << 20

// port is where frames are sent and watched.
type port struct {
	name, dev string
	index     int // of the interface
	tx        int // packet socket to send with
	v4, v6    int // UDP sockets on the service's port, -1 at the wire
	sources   []source
}

// source is a descriptor that a step's events are read from.
type source struct {
	fd   int
	kind kind
}

// kind is what a source gives.
type kind uint8

const (
	tap      kind = iota // every frame, in and out
	handler              // frames of one protocol, behind the driver's handler
	datagram             // datagrams
	packet4              // IPv4 packets, with their header
	packet6              // what follows the headers of IPv6 packets
)

// survey makes the ports of the interfaces that are there before the scenario's
// own commands, which may rename or remove some.
func (l *Lab) survey() error {
	devs := map[string]string{scenario.Host: Master, scenario.Wire: WireLink}
	for _, name := range l.Scenario.Ports() {
		p := &port{name: name, dev: or(devs[name], name), tx: -1, v4: -1, v6: -1}
		err := l.in(name, func() error {
			dev, err := net.InterfaceByName(p.dev)
			if err == nil {
				p.index = dev.Index
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("port %s: interface %s: %w", name, p.dev, err)
		}
		l.ports = append(l.ports, p)
	}
	return nil
}

// open opens a port's sockets and counters.
func (l *Lab) open(p *port) error {
	return l.in(p.name, func() error {
		if err := p.open(); err != nil {
			return err
		}
		if _, second := l.homes[p.name]; p.name != scenario.Wire && !second {
			if err := p.listen(l.groups(p.name)); err != nil {
				return err
			}
			if l.Scenario.Raw {
				if err := p.listenRaw(); err != nil {
					return err
				}
			}
		}
		if l.Scenario.Counters == nil || *l.Scenario.Counters {
			l.counters = append(l.counters, openCounters(p.name, p.dev, p.name, l.Scenario.IPTables))
		}
		return nil
	})
}

// groups are what a slave joins.
func (l *Lab) groups(port string) []string {
	for _, s := range l.Scenario.Slaves {
		if s.Name == port {
			return s.Join
		}
	}
	return nil
}

// protocols are those of the frames whose way to the stack is watched. Frames
// with a length in place of an ethertype come as 802.2 frames.
func protocols() []uint16 {
	return []uint16{unix.ETH_P_IP, unix.ETH_P_ARP, unix.ETH_P_IPV6, unix.ETH_P_RARP, unix.ETH_P_802_2, 0x88b5, 0x88cc,
		unix.ETH_P_SLOW, unix.ETH_P_8021Q, unix.ETH_P_8021AD, unix.ETH_P_PAUSE}
}

// open opens the packet sockets; the caller is in the port's namespace. A
// socket for all protocols is a tap, and sees a frame before the driver takes
// it; one for a single protocol is called where the stack's own handler is, and
// sees what the driver has left (net/core/dev.c, __netif_receive_skb_core).
func (p *port) open() (err error) {
	if p.index, err = interfaceIndex(p.dev); err != nil {
		return err
	}
	if p.tx, err = packetSocket(p.index, 0); err != nil {
		return err
	}
	if err = p.capture(unix.ETH_P_ALL, tap); err != nil {
		return err
	}
	if p.name == scenario.Wire {
		return nil
	}
	for _, proto := range protocols() {
		if err := p.capture(proto, handler); err != nil {
			return err
		}
	}
	return nil
}

func interfaceIndex(name string) (int, error) {
	dev, err := net.InterfaceByName(name)
	if err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	return dev.Index, nil
}

func (p *port) capture(proto uint16, k kind) error {
	fd, err := packetSocket(p.index, proto)
	if err != nil {
		return err
	}
	p.sources = append(p.sources, source{fd, k})
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return fmt.Errorf("PACKET_AUXDATA: %w", err)
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, captureBuffer)
}

func packetSocket(index int, proto uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index, Protocol: network(proto)}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("packet socket: bind to interface %d, protocol %#x: %w", index, proto, err)
	}
	return fd, nil
}

// network is v in network order.
func network(v uint16) uint16 { return v<<8 | v>>8 }

// sendFrame sends a frame. The protocol must be told: ipvlan's interfaces do
// not read it from the frame (it has no header_ops->parse_protocol), and would
// take a frame of protocol 0 for one that is not IP.
func (p *port) sendFrame(frame []byte, proto *int) error {
	if p.tx < 0 {
		return unix.ENODEV
	}
	to := &unix.SockaddrLinklayer{Ifindex: p.index}
	switch {
	case proto != nil:
		to.Protocol = network(uint16(*proto))
	case len(frame) >= 14:
		to.Protocol = uint16(frame[13])<<8 | uint16(frame[12])
	}
	return unix.Sendto(p.tx, frame, 0, to)
}

func (p *port) close() {
	if p.tx >= 0 {
		unix.Close(p.tx)
	}
	for _, s := range p.sources {
		unix.Close(s.fd)
	}
	p.tx, p.v4, p.v6, p.sources = -1, -1, -1, nil
}

// text is an error as strerror(3) says it, whichever way it came.
func text(err error) string {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	return strerror(errno)
}
