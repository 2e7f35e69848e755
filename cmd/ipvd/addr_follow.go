package main

import (
	"net"
	"net/netip"
	"reflect"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/monitor"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"
)

func (d *daemon) startMonitor() (err error) {
	if d.mon, err = monitor.Open(monitor.Options{Peers: d.cfg.Compat == "kernel"}); err != nil {
		return err
	}
	d.chores = newChores()
	go d.chores.run()
	go d.follow()
	return nil
}

// follower takes the events of one interface on the monitor's goroutine. It
// must not wait for the daemon's mu: that is what chores are for.
type follower func(monitor.Event)

// watchLink follows an interface under a key.
func (d *daemon) watchLink(key string, l monitor.Locator, held bool, f follower) {
	d.followers.Store(key, f)
	d.mon.Add(monitor.Target{Key: key, Locator: l, Held: held})
}

func (d *daemon) unwatchLink(key string) {
	d.followers.Delete(key)
	d.mon.Remove(key)
}

// follow hands each event to whom it concerns.
func (d *daemon) follow() {
	for e := range d.mon.Events() {
		if f, ok := d.followers.Load(e.Key); ok {
			f.(follower)(e)
		}
	}
}

func placeOf(e monitor.Event) place {
	return place{netns: e.Netns, netnsName: e.NetnsName, name: e.Link.Name, index: e.Link.Index,
		flags: e.Link.Flags, mtu: e.Link.MTU, mac: e.Link.Addr, master: e.Link.Master}
}

// watch follows the slave's interface; a slave without one is always up.
// Requests may come before the monitor has found the interface, so its place is
// read at once.
func (s *slave) watch() {
	id, p := s.id, place{name: s.model.Name, mtu: s.model.MTU}
	if s.tap == nil {
		p.flags = unix.IFF_UP | unix.IFF_LOWER_UP
		s.m.addrs.enter(id, p)
		s.m.addrs.sync(id, p, nil)
		s.beginLearning()
		return
	}
	if s.early != nil {
		s.m.addrs.enter(id, s.early.at)
		s.m.addrs.sync(id, s.early.at, s.early.addrs)
		return // watchEarly goes on
	}
	if found, err := s.locate(); err == nil {
		p = found
	}
	s.m.addrs.enter(id, p)
	s.m.d.watchLink(s.key(), s.tap, s.tap.PinsNetns(), s.followed)
}

// locate reads where the interface is and what it is like there.
func (s *slave) locate() (p place, err error) {
	err = s.onInterface(func(l link.Link) error {
		id, err := netns.IDOf(l.NS)
		if err != nil {
			return err
		}
		state, err := l.State()
		p = placeOf(monitor.Event{Netns: id, NetnsName: netns.Name(id), Link: state})
		return err
	})
	return p, err
}

func (s *slave) unwatch() {
	s.lessons.End()
	if s.tap != nil {
		s.m.d.unwatchLink(s.key())
	}
}

func (s *slave) followed(e monitor.Event) {
	m, id := s.m, s.id
	switch e.Kind {
	case monitor.Sync:
		m.addrs.sync(id, placeOf(e), e.Addrs)
		m.d.chores.add(s.key()+" set up", s.afterSync)
	case monitor.Link:
		p := placeOf(e)
		old := m.addrs.moved(id, p)
		if (old.flags^p.flags)&unix.IFF_UP != 0 || old.mtu != p.mtu || old.name != p.name || old.mac != p.mac || old.master != p.master {
			m.d.chores.add(s.key()+" set up", s.afterSync)
		}
	case monitor.AddrAdded:
		m.addrs.claim(id, e.Addr)
	case monitor.AddrRemoved:
		m.addrs.release(id, e.Addr)
	case monitor.Gone, monitor.Orphaned:
		m.log.Info().Int("id", int(id)).Str("slave", e.Link.Name).Stringer("event", e.Kind).Err(e.Err).
			Msg("the slave's interface or namespace has ended")
		m.d.chores.add(s.key()+" gone", s.afterGone)
	}
}

// afterSync brings the slave in line with its interface after a move, a rename,
// or a change of state or MTU.
func (s *slave) afterSync() {
	s.m.d.mu.Lock()
	defer s.m.d.mu.Unlock()
	if s.m.slave(s.id) != s {
		return
	}
	p := s.place()
	s.tellMAC(p)
	s.vetoMAC(p)
	s.vetoUpper(p)
	if err := s.setUp(); err != nil {
		// A namespace that ends takes the interface away while we look.
		s.m.log.Debug().Err(err).Str("slave", p.name).Msg("set the interface up")
	}
	changed := p.mtu != 0 && p.mtu != s.model.MTU
	if changed || p.name != s.model.Name {
		model := *s.model
		model.Name, model.MTU = p.name, p.mtu
		s.model = &model
	}
	if changed {
		if s.tap != nil {
			s.tap.SetInfo(p.mtu, s.m.mac())
		}
		if err := s.m.d.swap(); err != nil {
			s.m.log.Error().Err(err).Str("slave", p.name).Msg("follow the interface's MTU")
		}
	}
	if err := s.save(); err != nil {
		s.m.log.Error().Err(err).Str("slave", p.name).Msg("record where the slave is")
	}
}

// tellMAC says once when the slave's namespace has changed its MAC. Under mu.
func (s *slave) tellMAC(p place) {
	if p.mac == s.mac {
		return
	}
	s.mac = p.mac
	if foreign := net.HardwareAddr(p.mac); len(foreign) == 6 && foreign.String() != s.m.mac().String() {
		s.m.log.Warn().Int("id", int(s.id)).Str("slave", p.name).Stringer("mac", foreign).
			Msg("the slave's MAC was changed: what it sends still bears the master's, and its stack takes no unicast frame")
	}
}

func (s *slave) afterGone() {
	if err := s.m.forget(s); err != nil {
		s.m.log.Error().Err(err).Str("slave", s.key()).Msg("remove a slave whose interface has ended")
	}
}

// forget removes a slave unless somebody else does.
func (m *master) forget(s *slave) error {
	m.d.mu.Lock()
	there := m.slave(s.id) == s
	var err error
	if there {
		err = m.takeOut(s)
	}
	m.d.mu.Unlock()
	if !there || err != nil {
		return err
	}
	return s.end()
}

// save records the slave and where it is.
func (s *slave) save() error {
	p := s.place()
	s.record.Master, s.record.ID, s.record.Kind, s.record.Options = s.m.name, int(s.id), s.kind, s.options
	s.record.Name, s.record.MAC, s.record.MTU = s.model.Name, s.m.mac().String(), s.model.MTU
	s.record.Alias = s.m.alias(s.id)
	if p.index != 0 {
		s.record.Netns, s.record.NetnsName, s.record.IfIndex = p.netns, p.netnsName, p.index
	}
	if reflect.DeepEqual(s.record, s.saved) {
		return nil
	}
	err := s.m.d.store.Slaves.Save(s.record)
	if err == nil {
		s.saved = s.record
		s.saved.Addrs = slices.Clone(s.record.Addrs)
	}
	return err
}

// watchHost follows the host port: the master's MTU and MAC are what its
// interface has.
func (m *master) watchHost() {
	m.d.watchLink(m.name+" host", m.host, false, func(e monitor.Event) {
		switch e.Kind {
		case monitor.Sync, monitor.Link:
			var addrs []netip.Addr
			if e.Kind == monitor.Sync {
				addrs = append([]netip.Addr{}, e.Addrs...)
			}
			m.addrs.setHost(placeOf(e), addrs)
			m.d.chores.add(m.name+" host", m.followHost)
			if e.Kind == monitor.Sync {
				m.d.chores.add(m.name+" host in place", func() { m.renewHost(); m.movePunt() })
			}
		case monitor.AddrAdded, monitor.AddrRemoved:
			m.addrs.hostAddr(e.Addr, e.Kind == monitor.AddrAdded)
		case monitor.Gone:
			m.log.Error().Err(e.Err).Msg("the host port was removed: the host does not reach the master until the daemon is started again")
			m.d.chores.add(m.name+" host gone", m.hostGone)
		}
	})
}

// watchWire follows a kernel interface that is a wire.
func (m *master) watchWire(rec store.Wire) {
	m.d.watchLink(m.name+" wire", monitor.Fixed{NS: rec.Netns, Index: m.taken.Index()}, false, func(e monitor.Event) {
		switch e.Kind {
		case monitor.Sync, monitor.Link:
			on := e.Link.Flags&unix.IFF_LOWER_UP != 0
			m.d.chores.add(m.name+" carrier", func() { m.setCarrier(on) })
		case monitor.Gone:
			m.log.Error().Err(e.Err).Str("wire", rec.Name).Msg("the wire has vanished: slaves reach each other and the host only")
			m.d.chores.add(m.name+" wire gone", m.wireGone)
		}
	})
}

func (m *master) setTrouble(what string) {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	m.trouble = what
}

// wireGone gives the slaves a carrier though there is no wire: without one their
// stacks would not send to each other either.
func (m *master) wireGone() {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	m.trouble = "wire is gone"
	m.passCarrier(true)
}

// setCarrier passes the wire's carrier on, as ipvlan does (ipvlan_main.c,
// ipvlan_device_event).
func (m *master) setCarrier(on bool) {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	if m.carrier != on {
		m.log.Info().Bool("carrier", on).Msg("the wire's link has changed")
		m.passCarrier(on)
	}
}

// passCarrier gives the host port and all slaves this carrier. Under mu.
func (m *master) passCarrier(on bool) {
	m.carrier = on
	m.applyCarrier(m.host)
	for _, s := range m.slaves {
		if s.tap != nil {
			m.applyCarrier(s.tap)
		}
	}
}

// followHost makes wire and slaves follow the host port's MTU, MAC and state, as
// ipvlan's slaves follow their master's.
func (m *master) followHost() {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	p := m.hostPlace()
	m.vetoUpper(p)
	mac := net.HardwareAddr(p.mac)
	if down := m.isDown(p); down != m.template.Down {
		m.template.Down = down
		m.log.Info().Bool("down", down).Err(m.d.swap()).Msg("the master follows the host port: while it is down nothing passes the wire")
	}
	if p.mtu != 0 && p.mtu != m.template.MTU && !m.refuseMTU(p.mtu) {
		m.log.Info().Int("mtu", p.mtu).Err(m.setMTU(p.mtu)).Msg("MTU follows the host port")
	}
	if len(mac) == 6 && mac.String() != m.mac().String() {
		m.log.Info().Stringer("mac", mac).Err(m.setMAC(mac)).Msg("MAC follows the host port")
	}
	m.addrs.followVRF()
}

// renewHost sets the host up for l3s again when the host port has come back to
// where its routing is.
func (m *master) renewHost() {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	if m.hosts == nil || !m.hosts.Home(m.hostPlace().netns) {
		return
	}
	if err := m.hosts.Renew(); err != nil {
		m.log.Error().Err(err).Msg("the host does not forward for the slaves")
	}
}

// isDown reports that somebody has set the host port down. One that was never up
// is not meant: the slaves of a wire that no interface was taken over for work
// without it. Under mu.
func (m *master) isDown(p place) bool {
	up := p.flags&unix.IFF_UP != 0
	m.wasUp = m.wasUp || up
	return m.wasUp && !up
}

// eachInterface changes the interface of every slave that has one; one that
// cannot be changed is logged.
func (m *master) eachInterface(what string, f func(*slave, link.Link) error) {
	for _, s := range m.slaves {
		if s.tap == nil {
			continue
		}
		if err := s.onInterface(func(l link.Link) error { return f(s, l) }); err != nil {
			m.log.Warn().Err(err).Str("slave", s.model.Name).Msg(what)
		}
	}
}
