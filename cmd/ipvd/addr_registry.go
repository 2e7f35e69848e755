package main

import (
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/l3s"
	"ipvd/cmd/internal/host/netns"
	"ipvd/flows/ipvlan"
)

// place is where an interface is and what is known of it there.
type place struct {
	netns     netns.ID
	netnsName string
	name      string
	index     int
	flags     uint32
	mtu       int
	mac       string // raw bytes
	master    int    // index of the bridge, … that it belongs to; 0: none
}

// where names the namespace; "" for a slave without an interface.
func (p place) where() string {
	if p.netns == (netns.ID{}) {
		return ""
	}
	if p.netnsName != "" {
		return p.netnsName
	}
	return p.netns.String()
}

// registry is a master's addresses and where its slaves are: all that learning
// changes. Its lock is never held while something waits for a graph.
type registry struct {
	mu     sync.Mutex
	m      *master
	reg    *ipvlan.Registry
	places map[uint16]place
	routes *l3s.Host  // where active addresses are routed to, in l3s; else nil
	cuts   *shortcuts // l3s with shortcuts; else nil

	host      place // the host port
	hostAddrs []netip.Addr
}

func newRegistry(m *master) *registry {
	return &registry{m: m, reg: ipvlan.NewRegistry(ipvlan.RegistryConfig{Every: m.template.CompatKernel}), places: map[uint16]place{}}
}

// changed tells what became of claims, and keeps the host's routes. Under mu.
func (r *registry) changed(events []ipvlan.Event) {
	for _, e := range events {
		log := r.m.log.Debug()
		if e.To == ipvlan.Conflict || e.Host && e.To == ipvlan.Active {
			log = r.m.log.Warn()
		}
		log = log.Stringer("addr", e.Addr).Uint32("id", e.Slave).Stringer("state", e.To)
		switch {
		case e.To == ipvlan.Conflict:
			log.Uint32("owner", e.Owner).Msg("Address already assigned to an ipvlan device")
			r.m.conflicts(e)
		case e.Host && e.To == ipvlan.Active:
			log.Msg("the host port has this address as well; packets from the wire go to the slave")
		default:
			log.Msg("address")
		}
		if r.routes != nil {
			r.route(e)
		}
	}
}

// route keeps the host's route to an address. Link-local ones are never routed.
func (r *registry) route(e ipvlan.Event) {
	var err error
	switch {
	case e.Addr.IsLinkLocalUnicast() && e.Addr.Is6():
	case e.To == ipvlan.Active && !e.Host:
		err = r.routes.AddRoute(e.Addr)
	case e.From == ipvlan.Active:
		err = r.routes.DelRoute(e.Addr)
	}
	if err != nil {
		r.m.log.Error().Err(err).Msg("the host's route to a slave does not follow its address")
	}
	if r.cuts != nil && (e.To == ipvlan.Active) != (e.From == ipvlan.Active) {
		r.cuts.end("addresses")
	}
}

// setRoutes makes active addresses routes of the host from now on, or with nil
// ends that.
func (r *registry) setRoutes(h *l3s.Host, cuts *shortcuts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes, r.cuts = h, cuts
	r.routeAll()
}

// followVRF makes the host's routing for slaves that of the VRF which the host
// port is in.
func (r *registry) followVRF() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.routes == nil {
		return
	}
	changed, err := r.routes.FollowVRF()
	if err != nil {
		r.m.log.Error().Err(err).Msg("the host's routing for slaves does not follow the host port")
	}
	if changed {
		r.routeAll()
	}
}

// routeAll adds the routes that are missing. Under mu.
func (r *registry) routeAll() {
	if r.routes == nil {
		return
	}
	for _, c := range r.reg.Claims() {
		if c.State == ipvlan.Active {
			r.route(ipvlan.Event{Addr: c.Addr, Slave: c.Slave, To: ipvlan.Active, Host: r.reg.IsHost(c.Addr)})
		}
	}
}

// enter makes a slave known. What is reported of one that is not, or no longer,
// changes nothing: an event may be on its way while its slave is removed.
func (r *registry) enter(id uint16, p place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places[id] = p
	r.changed(r.setUp(id, p))
}

func (r *registry) knows(id uint16) bool {
	_, ok := r.places[id]
	return ok
}

// sync takes what the monitor says of a slave as a whole.
func (r *registry) sync(id uint16, p place, addrs []netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.knows(id) {
		return
	}
	r.places[id] = p
	r.changed(r.setUp(id, p))
	events, err := r.reg.Sync(uint32(id), addrs)
	if err != nil {
		r.m.log.Error().Err(err).Msg("learn addresses")
	}
	r.changed(events)
}

// moved takes a change of a slave's interface and gives what was known before.
func (r *registry) moved(id uint16, p place) (old place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.knows(id) {
		return p
	}
	old = r.places[id]
	r.places[id] = p
	if (old.flags^p.flags)&unix.IFF_UP != 0 {
		r.changed(r.setUp(id, p))
	}
	return old
}

// setUp makes a slave's addresses active while its interface is up. Under mu.
func (r *registry) setUp(id uint16, p place) []ipvlan.Event {
	if p.flags&unix.IFF_UP != 0 {
		return r.reg.SlaveUp(uint32(id))
	}
	return r.reg.SlaveDown(uint32(id))
}

// claim and release take a learned address.
func (r *registry) claim(id uint16, a netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.knows(id) {
		return
	}
	events, err := r.reg.Claim(uint32(id), a, ipvlan.Learned)
	if err != nil {
		r.m.log.Error().Err(err).Msg("learn an address")
	}
	r.changed(events)
}

func (r *registry) release(id uint16, a netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(r.reg.Release(uint32(id), a, ipvlan.Learned))
}

// gone forgets a slave and all it claims.
func (r *registry) gone(id uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(r.reg.SlaveGone(uint32(id)))
	delete(r.places, id)
}

// setHost takes where the host port is, and its addresses unless they are nil.
func (r *registry) setHost(p place, addrs []netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.host = p
	if addrs != nil {
		r.hostAddrs = addrs
		r.reg.SetHost(addrs)
		r.routeAll()
	}
}

// hostAddr takes a change of the host port's addresses.
func (r *registry) hostAddr(a netip.Addr, added bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hostAddrs = slices.DeleteFunc(r.hostAddrs, func(b netip.Addr) bool { return b == a })
	if added {
		r.hostAddrs = append(r.hostAddrs, a)
	}
	r.reg.SetHost(r.hostAddrs)
	r.routeAll() // an address that has left the host port may be a slave's
}

func (r *registry) active(id uint16) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reg.ActiveOf(uint32(id))
}

func (r *registry) claims() []ipvlan.Claimed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reg.Claims()
}

func (s *slave) place() place {
	s.m.addrs.mu.Lock()
	defer s.m.addrs.mu.Unlock()
	return s.m.addrs.places[s.id]
}

func (m *master) hostPlace() place {
	m.addrs.mu.Lock()
	defer m.addrs.mu.Unlock()
	return m.addrs.host
}
