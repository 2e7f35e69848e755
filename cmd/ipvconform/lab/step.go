package lab

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/scenario"
)

// Quiet times in milliseconds.
const (
	stepQuiet  = 30 // after a stimulus
	flushQuiet = 12 // after neighbours were removed
	quickQuiet = 1  // nothing is expected
	// commandQuiet is after a command with a driver that hears of changes, and
	// follows them, at its own pace.
	commandQuiet = 120
)

// step does one step and reports what came of it.
func (l *Lab) step(s scenario.Step) (o scenario.Outcome, err error) {
	o = scenario.Outcome{ID: s.ID, At: s.At}
	if l.changed {
		if err := l.follow(); err != nil {
			return o, err
		}
		l.changed = false
	}
	if !s.KeepNeigh {
		if err := l.forget(); err != nil {
			return o, err
		}
	}
	l.drain(quickQuiet, quickQuiet)
	before := l.count()
	if err := l.stimulate(s, &o); err != nil {
		return o, err
	}
	wait := l.Scenario.WaitMS
	if s.WaitMS != 0 {
		wait = s.WaitMS
	}
	first := wait
	if s.Cmd != "" && l.driver.Queues() {
		first = max(wait, commandQuiet)
	}
	e := l.drain(first, stepQuiet)
	if l.driver.Queues() {
		l.settle(&e, wait)
	}
	o.Seen, o.Got, o.UDP = e.seen, e.got, e.udp
	o.Delta = difference(before, l.count())
	o.Notes, l.notes = l.notes, nil
	return o, nil
}

// stimulate does what the step says.
func (l *Lab) stimulate(s scenario.Step, o *scenario.Outcome) error {
	var p *port
	for _, q := range l.ports {
		if q.name == s.At {
			p = q
		}
	}
	if p == nil {
		return fmt.Errorf("at %q: there is no port, and no interface, of that name", s.At)
	}
	for _, f := range s.Hex {
		if err := p.sendFrame(f, s.Proto); err != nil {
			o.Error = text(err)
		}
	}
	if s.UDP != nil {
		err := l.in(s.At, func() error {
			result, err := p.sendDatagram(*s.UDP)
			if result != nil {
				o.Error = text(result)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if s.Cmd != "" {
		status, out := l.run(s.At, s.Cmd)
		o.RC, o.Out, l.changed = &status, out, true
		if f, ok := l.driver.(Follower); ok {
			f.Follow(l)
		}
	}
	return nil
}

// forget removes what stations have learned of their neighbours, so that a step
// does not depend on those before it. Removing may send; so it is done twice.
func (l *Lab) forget() error {
	for range 2 {
		n := 0
		for _, p := range l.ports {
			err := l.in(p.name, func() (err error) {
				removed, err := forgetNeighbours()
				n += removed
				return err
			})
			if err != nil {
				return fmt.Errorf("neighbours of %s: %w", p.name, err)
			}
		}
		if n == 0 {
			return nil
		}
		l.drain(flushQuiet, flushQuiet)
	}
	return nil
}

// forgetNeighbours removes the neighbours that are neither permanent nor of an
// interface without ARP.
func forgetNeighbours() (n int, err error) {
	neighbours, err := netlink.NeighList(0, netlink.FAMILY_ALL)
	if err != nil {
		return 0, err
	}
	for _, neigh := range neighbours {
		if neigh.IP == nil || neigh.Family == unix.AF_BRIDGE || neigh.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) != 0 {
			continue
		}
		if netlink.NeighDel(&neigh) == nil { // it may have gone by itself
			n++
		}
	}
	return n, nil
}

// strerror is an error number as strerror(3) writes it, which begins with a
// capital where Go's text has none.
func strerror(e unix.Errno) string {
	s := e.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}
