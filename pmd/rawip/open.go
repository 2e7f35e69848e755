package rawip

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"ipvd/pmd/netns"
)

// sendBuffer is the room of a socket in bytes: packets for many neighbours that
// do not answer must not keep the others out. The kernel holds about 200 KB for
// each (neigh/default/unres_qlen_bytes).
const sendBuffer = 8 << 20

// Config is what to open.
type Config struct {
	Device string // the interface that packets leave by, as the package comment says
	MTU    int    // the device's, in bytes
}

// Open makes a port in the network namespace nsfd. It needs CAP_NET_RAW and
// CAP_NET_ADMIN there. The port stays bound to the device that has the name now.
func Open(nsfd int, cfg Config) (*Port, error) {
	if cfg.Device == "" {
		return nil, errors.New("rawip: open: no device given")
	}
	p := &Port{device: cfg.Device, fd4: -1, fd6: -1}
	p.tx.port = p
	if err := p.SetMTU(cfg.MTU); err != nil {
		return nil, err
	}
	err := netns.Do(nsfd, func() (err error) {
		device, err := net.InterfaceByName(cfg.Device)
		if err != nil {
			return fmt.Errorf("device %q: %w", cfg.Device, err)
		}
		p.index = uint32(device.Index)
		if p.fd4, err = socket(unix.AF_INET, cfg.Device); err != nil {
			return fmt.Errorf("IPv4 socket: %w", err)
		}
		p.fd6, err = socket(unix.AF_INET6, cfg.Device)
		if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
			unix.Close(p.fd4)
			return fmt.Errorf("IPv6 socket: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: open: %w", p.Name(), err)
	}
	return p, nil
}

// socket opens a raw socket whose packets bring their own IP header, which
// IPPROTO_RAW implies for both families.
func socket(family int, device string) (fd int, err error) {
	fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if err != nil {
		return -1, err
	}
	if err := configure(fd, family, device); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func configure(fd, family int, device string) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer); err != nil {
		return fmt.Errorf("set send buffer to %d: %w", sendBuffer, err)
	}
	if family == unix.AF_INET6 {
		return configure6(fd)
	}
	if err := unix.BindToDevice(fd, device); err != nil {
		return fmt.Errorf("bind to device %q: %w", device, err)
	}
	// SO_BROADCAST stays off: a packet whose route is a broadcast is refused with
	// EACCES (net/ipv4/raw.c), as ipvlan drops it (ipvlan_process_v4_outbound
	// takes unicast and local routes only).
	return nil
}

// configure6 leaves the socket unbound: a bound one takes none but routes through
// its device, where ipvlan only prefers them (net/ipv6/route.c,
// ip6_route_output_flags). Each packet's message names the device instead.
func configure6(fd int) error {
	for _, o := range []struct {
		name, value int
		what        string
	}{
		// Without it a packet-info source must be local; IPv4 does not check
		// (net/ipv6/datagram.c, ip6_datagram_send_ctl).
		{unix.IPV6_FREEBIND, 1, "allow sources that are not local"},
		{unix.IPV6_MULTICAST_LOOP, 0, "keep multicast from the host's own sockets"},
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_IPV6, o.name, o.value); err != nil {
			return fmt.Errorf("%s: %w", o.what, err)
		}
	}
	return nil
}
