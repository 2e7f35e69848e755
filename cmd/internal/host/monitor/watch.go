package monitor

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"

	"golang.org/x/sys/unix"
)

// place is where messages say that an interface is.
type place struct{ nsid, index int }

// addr identifies an address of an interface.
type addr struct {
	prefix   netip.Prefix
	peer     netip.Addr
	reported netip.Addr // the one of both that events bear
}

func (m *Monitor) addrOf(a link.Addr) addr { return addr{a.Prefix, a.Peer, Reported(a, m.peers)} }

// Reported is the address that events bear of one that an interface has: with
// peers the peer, as Options.Peers says.
func Reported(a link.Addr, peers bool) netip.Addr {
	if peers && a.Peer.Is4() {
		return a.Peer
	}
	return a.Prefix.Addr()
}

// watch is a target and what is known of it. Monitor's goroutine only.
type watch struct {
	Target
	located  bool // the fields below are valid
	orphaned bool // and that was said
	place    place
	netns    netns.ID
	name     string // of the namespace
	state    link.State
	addrs    []addr
}

func (w *watch) has(a netip.Addr) bool {
	return slices.ContainsFunc(w.addrs, func(b addr) bool { return b.reported == a })
}

func (w *watch) event(k Kind) Event {
	return Event{Key: w.Key, Kind: k, Netns: w.netns, NetnsName: w.name, Link: w.state}
}

// forget stops watching w.
func (m *Monitor) forget(w *watch) {
	m.unplace(w)
	delete(m.targets, w.Key)
}

func (m *Monitor) unplace(w *watch) {
	if w.located && m.at[w.place] == w {
		delete(m.at, w.place)
	}
	w.located = false
}

// locateTries is how often an interface is looked for that moves, or changes
// its name, while we look. A move tells about itself in a message, so giving up
// early only costs a Gone that was right for a moment.
const locateTries = 10

// locate finds the interface and sends a Sync, or a Gone.
func (m *Monitor) locate(w *watch) {
	m.unplace(w)
	var err error
	for range locateTries {
		var found watch
		if found, err = m.look(w); err == nil {
			m.settle(w, found)
			return
		}
		if !errors.Is(err, errMoving) && !errors.Is(err, link.ErrNotFound) {
			break
		}
	}
	m.forget(w)
	e := w.event(Gone)
	e.Err = fmt.Errorf("%s: %w", w.Key, err)
	m.emit(e)
}

func (m *Monitor) settle(w *watch, found watch) {
	found.Target, found.located = w.Target, true
	found.orphaned = w.orphaned && w.netns == found.netns
	if w.netns == found.netns && w.name != "" {
		found.name = w.name
	} else {
		found.name = netns.Name(found.netns)
	}
	*w = found
	m.at[w.place] = w
	e := w.event(Sync)
	for _, a := range w.addrs {
		e.Addrs = append(e.Addrs, a.reported)
	}
	slices.SortFunc(e.Addrs, netip.Addr.Compare)
	e.Addrs = slices.Compact(e.Addrs)
	m.emit(e)
}

// errMoving: the interface was elsewhere a moment later.
var errMoving = errors.New("it moves while it is looked up")

// look reads where the interface is and what it has. An interface of another
// that has the same name by then is not taken for it.
func (m *Monitor) look(w *watch) (found watch, err error) {
	ns, id, name, err := where(w.Locator)
	if err != nil {
		return found, err
	}
	defer unix.Close(ns)
	found.netns = id
	if found.place.nsid, err = m.subscribe(ns, id); err != nil {
		return found, err
	}
	l, s, err := link.ByName(ns, name)
	if err != nil {
		return found, err
	}
	found.state, found.place.index = s, s.Index
	addrs, err := l.Addrs()
	if err != nil {
		return found, err
	}
	for _, a := range addrs {
		found.addrs = append(found.addrs, m.addrOf(a))
	}
	again, id2, name2, err := where(w.Locator)
	if err != nil {
		return found, err
	}
	unix.Close(again)
	if id2 != id || name2 != name {
		return found, errMoving
	}
	return found, nil
}

// where asks a locator. The caller closes the namespace's descriptor.
func where(l Locator) (ns int, id netns.ID, name string, err error) {
	if ns, err = l.Netns(); err != nil {
		return -1, id, "", fmt.Errorf("find its netns: %w", err)
	}
	if id, err = netns.IDOf(ns); err == nil {
		name, err = l.IfName()
	}
	if err != nil {
		unix.Close(ns)
		return -1, id, "", fmt.Errorf("find its name: %w", err)
	}
	return ns, id, name, nil
}

// Fixed locates an interface by its index in a namespace that it is not
// supposed to leave: a wire, or any interface of the daemon's namespace.
type Fixed struct {
	NS    string // as netns.Open takes it
	Index int
}

// Netns opens the namespace.
func (f Fixed) Netns() (int, error) { return netns.Open(f.NS) }

// IfName is the interface's name.
func (f Fixed) IfName() (string, error) {
	fd, err := netns.Open(f.NS)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	_, s, err := link.ByIndex(fd, f.Index)
	return s.Name, err
}
