package lab

import (
	"errors"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/scenario"
)

// Open makes a scenario's stations and leaves them standing, without doing its
// steps, for a caller who watches them with sockets of its own. Close removes
// them; after an error nothing is left.
func Open(s scenario.Scenario, d Driver, prefix string) (*Lab, error) {
	l := &Lab{Scenario: s, driver: d, prefix: prefix, ns: map[string]int{}, homes: map[string]string{}}
	err := l.build()
	if err == nil {
		err = l.joinAll()
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// joinAll joins the groups of all slaves; the sockets are closed by close.
func (l *Lab) joinAll() error {
	for _, p := range l.ports {
		if p.name == scenario.Host || p.name == scenario.Wire {
			continue
		}
		if err := l.in(p.name, func() error { return p.listen(l.groups(p.name)) }); err != nil {
			return err
		}
	}
	return nil
}

// Close undoes Open.
func (l *Lab) Close() error { return l.close() }

// In runs f in a port's namespace.
func (l *Lab) In(port string, f func() error) error { return l.in(port, f) }

// Driver is who forwards.
func (l *Lab) Driver() Driver { return l.driver }

// Captured is what a packet socket at a port gave.
func Captured(port string, data []byte, from unix.Sockaddr, messages []unix.SocketControlMessage) scenario.Frame {
	return captured(port, data, from, messages)
}

// Noise reports what stacks say of their multicast groups, at times of their
// own.
func Noise(frame []byte) bool { return noise(frame) }

// ErrorText is an error as scenario.Outcome holds it.
func ErrorText(err error) string { return text(err) }

// Device is the name of a port's interface.
func Device(port string) string {
	switch port {
	case scenario.Host:
		return Master
	case scenario.Wire:
		return WireLink
	}
	return port
}

// Release is the running kernel's.
func Release() string { return release() }
