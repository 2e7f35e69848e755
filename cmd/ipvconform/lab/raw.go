package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// RawProtocols are the IP protocols whose packets raw sockets show. 253 is for
// experiments (RFC 3692, section 2.1).
func RawProtocols() []int {
	return []int{wire.ProtoICMP, 2, wire.ProtoTCP, wire.ProtoUDP, 47, wire.ProtoICMPv6, 132, 253}
}

// RawSocket is a socket that gets the packets of one protocol that a stack has
// accepted for itself, behind every driver's hooks (raw(7)).
type RawSocket struct {
	FD int
	V6 bool
}

// RawSockets opens one a protocol and family in the namespace of the caller,
// with room for so many bytes.
func RawSockets(room int) (all []RawSocket, err error) {
	for _, v6 := range []bool{false, true} {
		family, options := unix.AF_INET, []option{{unix.IPPROTO_IP, unix.IP_PKTINFO}}
		if v6 {
			family, options = unix.AF_INET6, []option{{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO}, {unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT}}
		}
		for _, proto := range RawProtocols() {
			fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
			if err != nil {
				return all, fmt.Errorf("raw socket of protocol %d: %w", proto, err)
			}
			all = append(all, RawSocket{fd, v6})
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room)
			if !v6 || proto != wire.ProtoICMPv6 { // which counts wrong checksums there as well
				err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1))
			}
			for _, o := range options {
				err = errors.Join(err, unix.SetsockoptInt(fd, o.level, o.name, 1))
			}
			if err != nil {
				return all, fmt.Errorf("raw socket of protocol %d: %w", proto, err)
			}
		}
	}
	return all, nil
}

// RawDelivery is what a raw socket gave: the payload, whole, and no ports.
func RawDelivery(port string, v6 bool, data []byte, from unix.Sockaddr, messages []unix.SocketControlMessage) scenario.Delivery {
	if v6 {
		d := delivery(port, data, from, messages)
		d.SPort, d.Data = 0, runes(data)
		return d
	}
	d := scenario.Delivery{Port: port, Len: len(data)}
	if p, ok := wire.ParseIPv4(data, len(data)); ok {
		d.Src, d.Dst = netip.AddrFrom4([4]byte(p[12:16])).String(), netip.AddrFrom4([4]byte(p[16:20])).String()
		d.TTL, d.Len, d.Data = int(p.TTL()), len(p.Payload()), runes(p.Payload())
	}
	return d
}

// runes are bytes as Delivery.Data holds them, one character each.
func runes(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// listenRaw opens the raw sockets as sources; the caller is in the port's
// namespace.
func (p *port) listenRaw() error {
	all, err := RawSockets(captureBuffer)
	for _, s := range all {
		k := packet4
		if s.V6 {
			k = packet6
		}
		p.sources = append(p.sources, source{s.FD, k})
	}
	return err
}
