package lab

import (
	"errors"

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
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// joinAll joins the groups of all slaves; the sockets are closed by close.
func (l *Lab) joinAll() error {
	for _, p := range l.ports {
		if p.name == scenario.Host || p.name == scenario.Wire {
			continue
		}
		if err := l.In(p.name, func() error { return p.listen(l.groups(p.name)) }); err != nil {
			return err
		}
	}
	return nil
}

// Driver is who forwards.
func (l *Lab) Driver() Driver { return l.driver }

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
