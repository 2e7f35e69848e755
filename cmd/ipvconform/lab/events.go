package lab

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/scenario"
)

// events are what sources gave.
type events struct {
	seen, got []scenario.Frame
	udp       []scenario.Delivery
}

// drain reads all sources until nothing came for quiet milliseconds, or for
// otherwise when quiet is 0.
func (l *Lab) drain(quiet, otherwise int) events {
	if quiet == 0 {
		quiet = otherwise
	}
	var fds []unix.PollFd
	var of []*port
	var kinds []kind
	for _, p := range l.ports {
		for _, s := range p.sources {
			fds = append(fds, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
			of, kinds = append(of, p), append(kinds, s.kind)
		}
	}
	e := events{seen: []scenario.Frame{}, udp: []scenario.Delivery{}}
	end := time.Now().Add(time.Duration(quiet) * time.Millisecond)
	for {
		n, err := unix.Poll(fds, int(max(0, time.Until(end).Milliseconds())))
		if err != nil && !errors.Is(err, unix.EINTR) {
			l.notes = append(l.notes, scenario.Note("poll: "+err.Error()))
			return e
		}
		if n == 0 {
			return e
		}
		for i := range fds {
			if n > 0 && fds[i].Revents != 0 {
				l.read(&e, of[i], int(fds[i].Fd), kinds[i])
				end = time.Now().Add(time.Duration(quiet) * time.Millisecond)
			}
		}
	}
}

// read takes all that waits at one source.
func (l *Lab) read(e *events, p *port, fd int, k kind) {
	data, control := make([]byte, 1<<16), make([]byte, 512)
	for {
		n, nc, _, from, err := unix.Recvmsg(fd, data, control, unix.MSG_TRUNC)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			return
		}
		if err != nil { // ENETDOWN: the interface went down
			l.notes = append(l.notes, scenario.Note(p.name+": "+text(err)))
			return
		}
		messages, _ := unix.ParseSocketControlMessage(control[:nc])
		n = min(n, len(data))
		if k == datagram {
			e.udp = append(e.udp, delivery(p.name, data[:n], from, messages))
			continue
		}
		if k == packet4 || k == packet6 {
			e.udp = append(e.udp, RawDelivery(p.name, k == packet6, data[:n], from, messages))
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && k == handler && ll.Ifindex != p.index {
			continue // a slave's, in the namespace of its master: the driver has given it the frame
		}
		f := captured(p.name, data[:n], from, messages)
		if isProbe(f.Hex) {
			l.probed = l.probed || p.name == scenario.Host && f.Dir == scenario.In
			continue
		}
		if !l.Scenario.KeepNoise && noise(f.Hex) {
			continue
		}
		if k == tap {
			e.seen = append(e.seen, f)
		} else {
			e.got = append(e.got, f)
		}
	}
}

// captured is what a packet socket gave.
func captured(port string, data []byte, from unix.Sockaddr, messages []unix.SocketControlMessage) scenario.Frame {
	f := scenario.Frame{Port: port, Dir: scenario.In, Hex: append([]byte(nil), data...)}
	if ll, ok := from.(*unix.SockaddrLinklayer); ok {
		f.Type = packetType(ll.Pkttype)
	}
	if f.Type == "outgoing" {
		f.Dir = scenario.Out
	}
	for _, m := range messages {
		// struct tpacket_auxdata (linux/if_packet.h): status at 0, vlan_tci at 16.
		if m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= 20 {
			if binary.NativeEndian.Uint32(m.Data)&unix.TP_STATUS_VLAN_VALID != 0 {
				tci := binary.NativeEndian.Uint16(m.Data[16:])
				f.TCI = &tci
			}
		}
	}
	return f
}

func packetType(t uint8) string {
	switch t {
	case unix.PACKET_HOST:
		return "host"
	case unix.PACKET_BROADCAST:
		return "broadcast"
	case unix.PACKET_MULTICAST:
		return "multicast"
	case unix.PACKET_OUTGOING:
		return "outgoing"
	}
	return "otherhost"
}

// noise reports IGMP and MLD: what stacks say of their groups, at times of
// their own.
func noise(f []byte) bool {
	if len(f) < 24 {
		return false
	}
	switch typ := binary.BigEndian.Uint16(f[12:]); {
	case typ == unix.ETH_P_IP:
		return f[23] == unix.IPPROTO_IGMP
	case typ != unix.ETH_P_IPV6 || len(f) < 63 || f[20] != unix.IPPROTO_HOPOPTS || f[54] != unix.IPPROTO_ICMPV6:
		return false
	}
	return f[62] >= 130 && f[62] <= 132 || f[62] == 143 // RFC 2710, RFC 3810
}

// delivery is what a UDP socket gave.
func delivery(port string, data []byte, from unix.Sockaddr, messages []unix.SocketControlMessage) scenario.Delivery {
	d := scenario.Delivery{Port: port, Len: len(data)}
	for _, b := range data[:min(len(data), 64)] {
		d.Data += string(rune(b))
	}
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		d.Src, d.SPort = netip.AddrFrom4(a.Addr).String(), a.Port
	case *unix.SockaddrInet6:
		d.Src, d.SPort = netip.AddrFrom16(a.Addr).String(), a.Port
	}
	for _, m := range messages {
		switch h := m.Header; {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(m.Data) >= 12:
			d.Dst = netip.AddrFrom4([4]byte(m.Data[8:12])).String()
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(m.Data) >= 16:
			d.Dst = netip.AddrFrom16([16]byte(m.Data[:16])).String()
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_TTL, h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_HOPLIMIT:
			if len(m.Data) >= 4 {
				d.TTL = int(binary.NativeEndian.Uint32(m.Data))
			}
		}
	}
	return d
}
