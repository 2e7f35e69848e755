package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/l3s"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/takeover"
	"ipvd/cmd/internal/store"
)

// errOthers: a state holds what a daemon in another living namespace has left,
// which can only be put back there.
var errOthers = errors.New("some of it belongs to another namespace")

// recoverKilled puts back what daemons that were killed have left in this
// namespace: this one's predecessor, and ephemeral ones.
func (d *daemon) recoverKilled() error {
	others, err := d.recoverFrom(d.store)
	if err != nil {
		return err
	}
	if others != nil {
		d.log.Info().Err(others).Msg("it is left to a daemon there")
	}
	stale, err := store.Stale(runDir)
	if err != nil {
		d.log.Warn().Err(err).Msg("cannot look for what killed daemons have left")
	}
	for _, s := range stale {
		if err := errors.Join(d.recoverFrom(s)); err != nil {
			d.log.Warn().Err(err).Str("state", s.Path()).Msg("what a killed daemon has left stays for now")
			s.Close()
			continue
		}
		if err := s.Remove(); err != nil && !os.IsNotExist(err) {
			d.log.Warn().Err(err).Msg("cannot remove the state of a killed daemon")
		}
	}
	return nil
}

// recoverFrom takes back what the state says was changed in this namespace, and
// forgets what was changed in one that has ended. others is what it leaves to
// daemons of other namespaces (errOthers).
func (d *daemon) recoverFrom(s *store.Dir) (others, err error) {
	here, err := netns.IDOf(netns.Here)
	if err != nil {
		return nil, err
	}
	sort := func(e error) {
		if errors.Is(e, errOthers) {
			others = errors.Join(others, e)
		} else {
			err = errors.Join(err, e)
		}
	}
	wires, bad := s.Wires.Load()
	sort(bad)
	for _, w := range wires {
		sort(d.recoverWire(w, s, here))
	}
	hosts, bad := s.Hosts.Load()
	sort(bad)
	for _, h := range hosts {
		sort(d.recoverHost(h, s, here))
	}
	return others, err
}

func (d *daemon) recoverWire(w store.Wire, s *store.Dir, here netns.ID) error {
	if w.Home != here {
		return forgetElsewhere("wire "+w.Name, w.Home, func() error { return takeover.Forget(w, s.Wires) })
	}
	err := takeover.Recover(w, s.Wires)
	switch {
	case errors.Is(err, takeover.ErrVanished):
		d.log.Warn().Str("wire", w.Name).Msg("a wire that a killed daemon had taken over has vanished")
		return nil
	case err == nil:
		d.log.Info().Str("wire", w.Name).Msg("a wire that a killed daemon had taken over is back")
	}
	return err
}

func (d *daemon) recoverHost(h store.Host, s *store.Dir, here netns.ID) error {
	if h.Home != here {
		return forgetElsewhere("host settings for "+h.Master, h.Home, func() error { return s.Hosts.Delete(h.Key()) })
	}
	err := l3s.Recover(h, s.Hosts)
	if err == nil {
		d.log.Info().Str("master", h.Master).Msg("the host settings that a killed daemon had changed are back")
	}
	return err
}

// forgetElsewhere forgets what was changed in another namespace if that has
// ended. Nothing can be put back there, and nothing here is concerned.
func forgetElsewhere(what string, home netns.ID, forget func() error) error {
	fd, err := netns.OpenID(home)
	if errors.Is(err, netns.ErrNotFound) {
		return forget()
	}
	if err != nil {
		return err
	}
	unix.Close(fd)
	return fmt.Errorf("%s of %v: %w", what, home, errOthers)
}
