package lab

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/scenario"
)

// listen opens the sockets of the service and joins groups; the caller is in
// the port's namespace. The sockets are sources: close closes them.
func (p *port) listen(groups []string) (err error) {
	if p.v4, err = p.bound(unix.AF_INET, &unix.SockaddrInet4{Port: scenario.UDPPort}, ask4()...); err != nil {
		return err
	}
	if p.v6, err = p.bound(unix.AF_INET6, &unix.SockaddrInet6{Port: scenario.UDPPort}, ask6()...); err != nil {
		return err
	}
	for _, g := range groups {
		if err := p.join(g); err != nil {
			return fmt.Errorf("join %s: %w", g, err)
		}
	}
	return nil
}

// option is a socket option that is switched on.
type option struct{ level, name int }

// ask4 are the options that tell where a datagram came to, and its TTL.
func ask4() []option {
	return []option{{unix.IPPROTO_IP, unix.IP_PKTINFO}, {unix.IPPROTO_IP, unix.IP_RECVTTL}, {unix.SOL_SOCKET, unix.SO_BROADCAST}}
}

func ask6() []option {
	return []option{{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY}, {unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO}, {unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT}}
}

// bound is a UDP socket, and a source of datagrams.
func (p *port) bound(family int, to unix.Sockaddr, options ...option) (int, error) {
	fd, err := udpSocket(family, to, options...)
	if err == nil {
		p.sources = append(p.sources, source{fd, datagram})
	}
	return fd, err
}

func udpSocket(family int, to unix.Sockaddr, options ...option) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("UDP socket: %w", err)
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, 1); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("UDP socket: option %d/%d: %w", o.level, o.name, err)
		}
	}
	if err := unix.Bind(fd, to); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("UDP socket: bind: %w", err)
	}
	return fd, nil
}

func (p *port) join(group string) error {
	a, err := netip.ParseAddr(group)
	if err != nil {
		return err
	}
	if a.Is4() {
		return unix.SetsockoptIPMreqn(p.v4, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
			&unix.IPMreqn{Multiaddr: a.As4(), Ifindex: int32(p.index)})
	}
	return unix.SetsockoptIPv6Mreq(p.v6, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
		&unix.IPv6Mreq{Multiaddr: a.As16(), Interface: uint32(p.index)})
}

// sendDatagram sends through the stack of the port, in whose namespace the
// caller is. The errors are of addresses in the scenario; what the system call
// said is result.
func (p *port) sendDatagram(d scenario.Datagram) (result, err error) {
	dst, err := netip.ParseAddr(d.Dst)
	if err != nil {
		return nil, err
	}
	fd := p.v4
	if dst.Is6() {
		fd = p.v6
	}
	if fd < 0 {
		return nil, fmt.Errorf("no datagram can be sent at the %s", p.name)
	}
	if d.Src != "" {
		src, err := netip.ParseAddr(d.Src)
		if err != nil {
			return nil, err
		}
		if fd, err = foreignSocket(src); err != nil {
			return nil, err
		}
		defer unix.Close(fd)
	}
	level, name := unix.IPPROTO_IP, unix.IP_TTL
	if dst.Is6() {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
	}
	if d.TTL != 0 {
		if err := unix.SetsockoptInt(fd, level, name, d.TTL); err != nil {
			return nil, fmt.Errorf("TTL %d: %w", d.TTL, err)
		}
		defer unix.SetsockoptInt(fd, level, name, -1) // the stack's again
	}
	return p.sendTo(fd, dst, d), nil
}

// foreignPort is where datagrams come from whose source the scenario names.
const foreignPort = 5555

// foreignSocket sends from an address that need not be the station's.
func foreignSocket(src netip.Addr) (int, error) {
	if src.Is4() {
		return udpSocket(unix.AF_INET, &unix.SockaddrInet4{Port: foreignPort, Addr: src.As4()},
			option{unix.IPPROTO_IP, unix.IP_FREEBIND}, option{unix.IPPROTO_IP, unix.IP_TRANSPARENT})
	}
	return udpSocket(unix.AF_INET6, &unix.SockaddrInet6{Port: foreignPort, Addr: src.As16()}, option{unix.IPPROTO_IPV6, unix.IPV6_FREEBIND})
}

func (p *port) sendTo(fd int, dst netip.Addr, d scenario.Datagram) error {
	data, number := []byte(or(d.Data, "x")), d.Port
	if number == 0 {
		number = scenario.UDPPort
	}
	if dst.Is6() {
		return unix.Sendto(fd, data, 0, &unix.SockaddrInet6{Port: number, Addr: dst.As16(), ZoneId: uint32(p.index)})
	}
	if dst.IsMulticast() {
		if err := unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(p.index)}); err != nil {
			return err
		}
	}
	return unix.Sendto(fd, data, 0, &unix.SockaddrInet4{Port: number, Addr: dst.As4()})
}
