package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/pmd/netns"
)

// lab is a router and a host with a wire between them, and two boxes for slaves,
// each a network namespace:
//
//	router eth0 ─ veth ─ eth0 of host [ipvd] ─ slaves ─ box 0, box 1
type lab struct {
	router, host string
	boxes        [2]string
	undo         []func() error
}

// Addresses in the lab.
const (
	routerAddr = "10.0.0.254"
	wireMAC    = "02:00:00:00:00:01" // of the host's eth0, so of all slaves
)

func boxAddr(i int) string { return fmt.Sprintf("10.0.0.%d", 11+i) }

// newLab makes the namespaces. It needs root.
func (b *bench) newLab() (l *lab, err error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("network namespaces need root: %w", errAbsent)
	}
	prefix := fmt.Sprintf("perf%d-", os.Getpid())
	l = &lab{router: prefix + "router", host: prefix + "host", boxes: [2]string{prefix + "box0", prefix + "box1"}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("lab: %w", err), l.close())
		}
	}()
	for _, ns := range []string{l.router, l.host, l.boxes[0], l.boxes[1]} {
		if _, err := command("ip", "netns", "add", ns); err != nil {
			return l, err
		}
		l.undo = append(l.undo, b.cleanup.add(func() error {
			_, err := command("ip", "netns", "del", ns)
			return err
		}))
		// No neighbour discovery in what has to be idle.
		if err := in(ns, "sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"); err != nil {
			return l, err
		}
	}
	return l, errors.Join(
		in(l.router, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "address", wireMAC, "netns", l.host),
		// A veth hands over frames without checksums and larger than the MTU.
		in(l.router, "ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off"),
		in(l.router, "ip", "addr", "add", routerAddr+"/24", "dev", "eth0"),
		in(l.router, "ip", "link", "set", "eth0", "up"),
		in(l.host, "ip", "link", "set", "eth0", "up"))
}

// in runs a command in a namespace.
func in(ns string, words ...string) error {
	_, err := command("ip", append([]string{"netns", "exec", ns}, words...)...)
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(words, " "), err)
	}
	return nil
}

// inside calls f on a thread in a namespace.
func inside(ns string, f func() error) error {
	fd, err := unix.Open("/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", ns, err)
	}
	defer unix.Close(fd)
	return netns.Do(fd, f)
}

func (l *lab) close() error {
	var errs []error
	for _, undo := range l.undo {
		errs = append(errs, undo())
	}
	return errors.Join(errs...)
}
