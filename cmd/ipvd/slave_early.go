package main

import (
	"errors"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/monitor"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"
	"ipvd/pmd"
	"ipvd/pmd/tap"
)

// early are the TAPs of an earlier run, attached while DPDK is started: a namespace
// is entered and read once for all TAPs in it. Which cannot be had so is tried by
// itself later, and what is wrong with it told then.
type early struct {
	done chan struct{} // closed when all are attached
	mu   sync.Mutex
	taps map[string]*earlyTAP // by the record's key
}

// earlyTAP is a TAP and what was read of its interface just before.
type earlyTAP struct {
	port  *tap.Port
	at    place
	addrs []netip.Addr
}

// attachEarly begins to attach the recorded TAPs of this daemon's masters.
func (d *daemon) attachEarly() (err error) {
	d.records, err = d.store.Slaves.Load()
	if err != nil {
		d.log.Error().Err(err).Msg("the state of a slave cannot be read")
	}
	byNetns := map[netns.ID][]store.Slave{}
	for _, r := range d.records {
		for _, m := range d.cfg.Masters {
			if m.Name == r.Master && r.Kind == "tap" {
				byNetns[r.Netns] = append(byNetns[r.Netns], r)
			}
		}
	}
	d.early = &early{done: make(chan struct{}), taps: map[string]*earlyTAP{}}
	go func() {
		defer close(d.early.done)
		paths := netns.Paths()
		for id, records := range byNetns {
			d.attachIn(id, paths[id], records)
		}
	}()
	return nil
}

// attachIn attaches the TAPs of a namespace, which path leads to if it has one.
func (d *daemon) attachIn(id netns.ID, path string, records []store.Slave) {
	ns, err := netns.OpenAt(id, path)
	if err != nil {
		return // told when each is looked for
	}
	defer unix.Close(ns)
	netns.Run(ns, func() error {
		states, addrs, err := d.readIn()
		if err != nil {
			return err
		}
		var known []tap.Known
		var found []store.Slave
		for _, r := range records {
			if s, ok := states[r.Alias]; ok {
				found = append(found, r)
				known = append(known, tap.Known{Index: s.Index, File: d.stored.take(r.Key()), Config: tap.Config{Name: s.Name, Alias: r.Alias, MTU: s.MTU, MAC: s.MAC(),
					Persist: true, NoOffloads: d.cfg.Offloads == "off", NoGRO: d.cfg.GRO == "off"}})
			}
		}
		ports, _ := tap.AttachKnown(known)
		for i, port := range ports {
			if port == nil {
				continue
			}
			s := states[known[i].Alias]
			at := placeOf(monitor.Event{Netns: id, NetnsName: netns.NameAt(id, path), Link: s})
			d.early.put(found[i].Key(), &earlyTAP{port, at, addrs[s.Index]})
		}
		return nil
	})
}

// readIn reads the interfaces of the calling thread's namespace by their alias, and
// all addresses by interface.
func (d *daemon) readIn() (states map[string]link.State, addrs map[int][]netip.Addr, err error) {
	links, err := link.Dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, unix.SizeofIfInfomsg)
	if err != nil {
		return nil, nil, err
	}
	states, addrs = map[string]link.State{}, map[int][]netip.Addr{}
	for _, b := range links {
		if s, ok := link.ParseState(b); ok && s.Kind == "tun" && s.Alias != "" {
			states[s.Alias] = s
		}
	}
	all, err := link.Dump(unix.RTM_GETADDR, unix.RTM_NEWADDR, unix.SizeofIfAddrmsg)
	for _, b := range all {
		if a, ok := link.ParseAddr(b); ok {
			addrs[a.Index] = append(addrs[a.Index], monitor.Reported(a, d.cfg.Compat == "kernel"))
		}
	}
	return states, addrs, err
}

func (e *early) put(key string, t *earlyTAP) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taps[key] = t
}

// take gives a TAP to its slave, nil when it could not be had early.
func (e *early) take(key string) *earlyTAP {
	<-e.done
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.taps[key]
	delete(e.taps, key)
	return t
}

// useEarly makes a TAP that was attached early the slave's.
func (s *slave) useEarly(t *earlyTAP) (pmd.Port, error) {
	s.tap, s.early = t.port, t
	if t.at.mac == string(s.m.mac()) {
		return s.tap, nil
	}
	s.tap.SetInfo(t.at.mtu, s.m.mac())
	err := s.onInterface(func(l link.Link) error { return l.SetMAC(s.m.mac()) })
	if err != nil {
		err = errors.Join(err, s.tap.Close())
	}
	return s.tap, err
}

// close closes what nobody has taken. A nil early has nothing.
func (e *early) close() {
	if e == nil {
		return
	}
	<-e.done
	for key := range e.taps {
		e.take(key).port.Close()
	}
}

// watchEarly lets the monitor follow the slaves that were taken up early, now that
// the workers run: it reads all of them once more.
func (d *daemon) watchEarly() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.slaves() {
		if s.early != nil {
			d.watchLink(s.key(), s.tap, s.tap.PinsNetns(), s.followed)
			s.early = nil
		}
	}
	return nil
}
