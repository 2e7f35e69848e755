package lab

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// follow brings the ports in line with the interfaces, after commands that may
// have made, renamed or removed some.
func (l *Lab) follow() error {
	for _, p := range l.ports {
		if err := l.refresh(p); err != nil {
			return fmt.Errorf("port %s: %w", p.name, err)
		}
	}
	for _, s := range l.Scenario.Steps {
		if !slices.ContainsFunc(l.ports, func(p *port) bool { return p.name == s.At }) {
			if err := l.discover(s.At); err != nil {
				return fmt.Errorf("port %s: %w", s.At, err)
			}
		}
	}
	l.share()
	return nil
}

// refresh opens a port that is not open, or whose interface is another one of the
// same name. One that has another name keeps its sockets; one that is gone has
// none that work.
func (l *Lab) refresh(p *port) error {
	there := true
	err := l.in(p.name, func() error {
		k, err := netlink.LinkByIndex(p.index)
		if err == nil {
			p.dev = k.Attrs().Name
		} else if _, err = netlink.LinkByName(p.dev); err != nil {
			there = false
		} else {
			p.close()
		}
		return nil
	})
	if err != nil || !there {
		return err
	}
	l.rename(p)
	if p.tx >= 0 {
		return nil
	}
	l.counters = slices.DeleteFunc(l.counters, func(c counter) bool {
		if c.port == p.name {
			c.close()
		}
		return c.port == p.name
	})
	return l.open(p)
}

// rename tells the counters what a port's interface is called now.
func (l *Lab) rename(p *port) {
	for i := range l.counters {
		if l.counters[i].port == p.name {
			l.counters[i].dev = p.dev
		}
	}
}

// discover opens a port that the scenario does not declare, and that a command has
// made: an interface of this name in any port's namespace.
func (l *Lab) discover(name string) error {
	for _, home := range l.Scenario.Ports() {
		var missing netlink.LinkNotFoundError
		err := l.in(home, func() error {
			_, err := netlink.LinkByName(name)
			return err
		})
		if errors.As(err, &missing) {
			continue
		}
		if err != nil {
			return err
		}
		fd, err := unix.FcntlInt(uintptr(l.ns[home]), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return err
		}
		l.ns[name], l.homes[name] = fd, home
		p := &port{name: name, dev: name, tx: -1, v4: -1, v6: -1}
		l.ports = append(l.ports, p)
		return l.open(p)
	}
	return nil
}

// share lets a port send datagrams by the sockets of the port whose namespace it
// is in.
func (l *Lab) share() {
	for _, p := range l.ports {
		for _, other := range l.ports {
			if l.homes[p.name] == other.name {
				p.v4, p.v6 = other.v4, other.v6
			}
		}
	}
}
