package mirror

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
)

// dumpTries is how often a dump is taken again that changes interrupted; the last
// answer counts, since what changed meanwhile is notified.
const dumpTries = 5

// dump reads all objects of a kind. reset forgets what an interrupted try gave.
func (m *Mirror) dump(request uint16, family uint8, size int, reset func(), each func(message)) error {
	for try := 1; ; try++ {
		reset()
		body := make([]byte, size)
		body[0] = family
		err := m.ask.dump(request, body, each)
		if err == nil || errors.Is(err, errInterrupted) && try == dumpTries {
			return nil
		}
		if !errors.Is(err, errInterrupted) {
			return fmt.Errorf("netlink dump (request %d, family %d): %w", request, family, err)
		}
	}
}

// readAll reads everything, and puts it in the place of what there is.
func (m *Mirror) readAll() error {
	m.again = false
	m.used = map[uint32]bool{}
	if err := m.readDevices(); err != nil {
		return err
	}
	if m.device.index == 0 {
		m.missing = true
		m.fib.Suspend()
		return fmt.Errorf("device %d is not in the namespace any more", m.index)
	}
	m.missing = false
	if err := m.readRules(); err != nil {
		return err
	}
	load, err := m.readRoutes()
	if err != nil {
		return err
	}
	if err := m.readNeighbours(); err != nil {
		return err
	}
	m.fib.SetSources(m.sources())
	m.fib.Use(load, m.policy())
	return nil
}

func (m *Mirror) readDevices() error {
	forget := func() { m.device, m.vrfs = device{}, map[uint32]device{} }
	err := m.dump(unix.RTM_GETLINK, unix.AF_UNSPEC, unix.SizeofIfInfomsg, forget, func(msg message) {
		if d, ok := parseLink(msg.body); ok {
			m.setLink(d)
		}
	})
	if err != nil {
		return err
	}
	forget = func() { m.addrs = nil }
	return m.dump(unix.RTM_GETADDR, unix.AF_UNSPEC, unix.SizeofIfAddrmsg, forget, func(msg message) {
		if a, index, usable, ok := parseAddr(msg.body); ok && index == m.index {
			m.setAddr(a, usable)
		}
	})
}

// readRules reads the rules. A kernel without them has a local and a main table.
func (m *Mirror) readRules() error {
	var all []kernelRule
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		var some []kernelRule
		err := m.dump(unix.RTM_GETRULE, family, sizeofRuleHdr, func() { some = nil }, func(msg message) {
			if r, ok := parseRule(msg.body); ok {
				some = append(some, r)
			}
		})
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT) {
			err = nil
			for _, table := range []uint32{unix.RT_TABLE_LOCAL, unix.RT_TABLE_MAIN} {
				some = append(some, kernelRule{family: family, Rule: route.Rule{Table: table}})
			}
		}
		if err != nil {
			return err
		}
		all = append(all, some...)
	}
	m.rules = nil
	for _, r := range all {
		m.insertRule(r)
	}
	return nil
}

// readRoutes fills new tables.
func (m *Mirror) readRoutes() (load *route.Load, err error) {
	err = m.dump(unix.RTM_GETNEXTHOP, unix.AF_UNSPEC, sizeofNhmsg, func() { m.nexthops = map[uint32]nexthop{} }, func(msg message) {
		if n, ok := parseNexthop(msg.body); ok {
			m.nexthops[n.id] = n
		}
	})
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return nil, err
	}
	each := func(msg message) {
		if k, ok := parseRoute(msg.body); ok {
			load.Add(m.convert(&k, false))
		}
	}
	// One walk for both families: an interrupted one begins again with both.
	both := func() { load = m.fib.Load() }
	if err := m.dump(unix.RTM_GETROUTE, unix.AF_UNSPEC, unix.SizeofRtMsg, both, each); err != nil {
		return nil, err
	}
	return load, nil
}

// readNeighbours reads the device's neighbours, and forgets those that have gone.
func (m *Mirror) readNeighbours() error {
	there := map[netip.Addr]bool{}
	err := m.dump(unix.RTM_GETNEIGH, unix.AF_UNSPEC, sizeofNdmsg, func() {}, func(msg message) {
		if n, ok := parseNeighbour(msg.body); ok && n.index == m.index {
			m.setNeighbour(n)
			there[n.addr] = true
		}
	})
	if err != nil {
		return err
	}
	var gone []netip.Addr
	for n := range m.fib.Neighbours.Each {
		if !there[n.Addr()] {
			gone = append(gone, n.Addr())
		}
	}
	for _, a := range gone {
		delete(m.stale, a)
		m.fib.Neighbours.Remove(a)
	}
	return nil
}
