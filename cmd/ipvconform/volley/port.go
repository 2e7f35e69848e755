package volley

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
)

// room is what a source may hold until it is read, in bytes.
const room = 16 << 20

// port is where shots leave.
type port struct {
	index, tx int
	dev       string
	counters  counters
}

// kind is what a source gives.
type kind uint8

const (
	tap     kind = iota // what comes in at the interface
	handler             // what reaches the stack's protocols
	packet4             // IPv4 packets for the stack
	packet6             // payloads of IPv6 packets for the stack
)

// source is a socket that shows what a port gets.
type source struct {
	fd   int
	port string
	kind kind
	lost int64 // frames that there was no room for
}

func (s source) close() { unix.Close(s.fd) }

// Ethertypes are those of the frames that are seen when they reach the host's
// stack. Frames with a length in place of a type come as 802.2 or 802.3 frames.
func Ethertypes() []uint16 {
	return []uint16{unix.ETH_P_IP, unix.ETH_P_ARP, unix.ETH_P_IPV6, unix.ETH_P_RARP, unix.ETH_P_802_2, unix.ETH_P_802_3, 0x88b5, 0x88b6, 0x88cc,
		unix.ETH_P_SLOW, unix.ETH_P_8021Q, unix.ETH_P_8021AD, unix.ETH_P_PAUSE, unix.ETH_P_MPLS_UC, unix.ETH_P_PPP_SES,
		unix.ETH_P_LOOPBACK, unix.ETH_P_PAE}
}

// open opens a port and what shows its frames: the tap of the wire and of the
// slaves, the protocols of the host, and raw sockets where a frame's way leads
// past the taps.
func (r *Range) open(name string) error {
	p := &port{tx: -1, dev: lab.Device(name)}
	r.ports[name] = p
	return r.lab.In(name, func() error {
		if err := p.open(); err != nil {
			return err
		}
		if name == scenario.Host {
			for _, t := range Ethertypes() {
				if err := r.watch(name, p.index, t, handler); err != nil {
					return err
				}
			}
		} else if err := r.watch(name, p.index, unix.ETH_P_ALL, tap); err != nil {
			return err
		}
		if r.s.Mode == "l2" || r.s.Mode == "l3" && name != scenario.Host || name == scenario.Wire {
			return nil
		}
		return r.watchRaw(name)
	})
}

func (p *port) open() error {
	dev, err := net.InterfaceByName(p.dev)
	if err != nil {
		return fmt.Errorf("interface %s: %w", p.dev, err)
	}
	p.index = dev.Index
	if p.tx, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("packet socket: %w", err)
	}
	if p.counters, err = openCounters(); err != nil {
		return err
	}
	return unix.SetsockoptInt(p.tx, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, room)
}

// watch opens a packet socket for frames that come in.
func (r *Range) watch(name string, index int, proto uint16, k kind) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("packet socket: %w", err)
	}
	r.sources = append(r.sources, source{fd: fd, port: name, kind: k})
	return errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room),
		unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index, Protocol: network(proto)}))
}

func (r *Range) watchRaw(name string) error {
	all, err := lab.RawSockets(room)
	for _, s := range all {
		k := packet4
		if s.V6 {
			k = packet6
		}
		r.sources = append(r.sources, source{fd: s.FD, port: name, kind: k})
	}
	return err
}

// network is v in network order.
func network(v uint16) uint16 { return v<<8 | v>>8 }

// send sends a frame and tells its ethertype, as ipvlan's interfaces need.
func (p *port) send(frame []byte) error {
	to := &unix.SockaddrLinklayer{Ifindex: p.index}
	if len(frame) >= 14 {
		to.Protocol = uint16(frame[13])<<8 | uint16(frame[12])
	}
	for {
		if err := unix.Sendto(p.tx, frame, 0, to); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (p *port) close() {
	if p.tx >= 0 {
		unix.Close(p.tx)
	}
	p.counters.close()
}
