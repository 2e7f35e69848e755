package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// wakePath is a sender and a receiver of datagrams, with a sleeper between them.
type wakePath struct {
	name     string
	from, to int // sockets
	sent     uint64
}

// wakeEnd is where a path begins or ends.
type wakeEnd struct{ ns, dev, addr string }

// openPaths makes the paths, in the order of their numbers.
func openPaths(l *lab) (paths []*wakePath, err error) {
	box0, box1 := wakeEnd{l.boxes[0], "ipvl0", boxAddr(0)}, wakeEnd{l.boxes[1], "ipvl1", boxAddr(1)}
	for i, p := range []struct {
		name     string
		from, to wakeEnd
		mac      string // of to
	}{
		wakeRelay:  {"relay in C", relayEnd(l, 0), relayEnd(l, 1), relayMAC(1)},
		wakeTAP:    {"slave to slave", box0, box1, wireMAC},
		wakeMaster: {"wire to slave", wakeEnd{l.router, "eth0", routerAddr}, box1, wireMAC},
	} {
		path, err := openPath(p.from, p.to, p.mac, uint16(7000+i))
		if err != nil {
			closePaths(paths)
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		path.name = p.name
		paths = append(paths, path)
	}
	return paths, nil
}

// openPath tells the sender the receiver's MAC address, so that nobody asks for
// it meanwhile.
func openPath(from, to wakeEnd, mac string, port uint16) (p *wakePath, err error) {
	if err := in(from.ns, "ip", "neigh", "replace", to.addr, "lladdr", mac, "dev", from.dev, "nud", "permanent"); err != nil {
		return nil, err
	}
	at := &unix.SockaddrInet4{Addr: netip.MustParseAddr(to.addr).As4(), Port: int(port)}
	p = &wakePath{from: -1, to: -1}
	if p.to, err = datagrams(to.ns, func(fd int) error { return unix.Bind(fd, at) }); err == nil {
		p.from, err = datagrams(from.ns, func(fd int) error { return unix.Connect(fd, at) })
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// datagrams opens a UDP socket in a namespace.
func datagrams(ns string, setUp func(fd int) error) (fd int, err error) {
	err = inside(ns, func() error {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return setUp(fd)
	})
	if err != nil {
		return fd, fmt.Errorf("UDP socket in namespace %s: %w", ns, err)
	}
	return fd, nil
}

// sampleLimit is when a datagram counts as lost. On a busy machine a sleeper may
// not get its CPU for some 100 ms.
const sampleLimit = 2 * time.Second

// sample sends a datagram and polls until it is there.
func (p *wakePath) sample() (time.Duration, error) {
	p.sent++
	var out, got [8]byte
	binary.NativeEndian.PutUint64(out[:], p.sent)
	begin := time.Now()
	if _, err := unix.Write(p.from, out[:]); err != nil {
		return 0, fmt.Errorf("%s: send: %w", p.name, err)
	}
	for {
		n, err := unix.Read(p.to, got[:])
		took := time.Since(begin)
		switch {
		case err == nil && n == len(got) && got == out:
			return took, nil
		case err == nil:
			return 0, fmt.Errorf("%s: received %x, want %x", p.name, got[:n], out)
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
			return 0, fmt.Errorf("%s: receive: %w", p.name, err)
		case took > sampleLimit:
			return 0, fmt.Errorf("%s: datagram %d is lost", p.name, p.sent)
		}
	}
}

func (p *wakePath) close() {
	for _, fd := range []int{p.from, p.to} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

func closePaths(paths []*wakePath) {
	for _, p := range paths {
		p.close()
	}
}
