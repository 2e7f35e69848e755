package takeover

import (
	"errors"
	"fmt"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"

	"golang.org/x/sys/unix"
)

// Recover puts back an interface that an earlier process took over and did not
// put back, into the calling thread's namespace, which must be rec.Home. See
// Restore.
func Recover(rec store.Wire, records store.Table[store.Wire]) error {
	home, err := netns.Current()
	if err != nil {
		return fmt.Errorf("wire %s: %w", rec.Name, err)
	}
	return (&Wire{records: records, rec: rec, home: home}).Restore()
}

// Restore puts the interface back where it was, under its name, with the
// addresses and routes that the host port has now, or had at the take-over if
// there is no host port. A TAP that has the interface's name is the host port
// and is deleted. Whoever drives the interface must have stopped.
//
// After success the record and the private namespace are gone, and another call
// does nothing. The error wraps ErrVanished when there is nothing to put back;
// after any other the call can be made again.
func (w *Wire) Restore() error {
	if w.home < 0 {
		return nil
	}
	err := w.restore()
	if err != nil && !errors.Is(err, ErrVanished) {
		return fmt.Errorf("wire %s: put back: %w", w.rec.Name, err)
	}
	if gone := w.forget(); gone != nil {
		return fmt.Errorf("wire %s: %w", w.rec.Name, errors.Join(err, gone))
	}
	if err != nil {
		return fmt.Errorf("wire %s: put back: %w", w.rec.Name, err)
	}
	return nil
}

func (w *Wire) restore() error {
	moved, err := w.inPrivate()
	if err != nil {
		return err
	}
	if moved.NS == netns.Here {
		return w.finish(true)
	}
	defer unix.Close(moved.NS)
	if err := w.takeHostPort(); err != nil {
		return err
	}
	// An interface that enters a namespace without ARP loses its IPv6 DAD for
	// good (net/ipv6/addrconf.c, ipv6_add_dev).
	if err := moved.SetNoARP(w.rec.NoARP); err != nil {
		return err
	}
	if err := moved.MoveTo(w.home); err != nil {
		return err
	}
	return w.finish(false)
}

// inPrivate finds the interface in the private namespace, whose descriptor the
// caller closes; its NS is netns.Here when it is not there.
func (w *Wire) inPrivate() (link.Link, error) {
	none := link.Link{NS: netns.Here}
	private, err := w.OpenNetns()
	if err != nil {
		// Without a mount: the process ended before it had made one, or
		// somebody has removed it.
		if errors.Is(err, netns.ErrNotFound) || errors.Is(err, unix.EINVAL) {
			return none, nil
		}
		return none, err
	}
	l, _, err := link.ByName(private, w.rec.Name)
	if err != nil {
		unix.Close(private)
		if errors.Is(err, link.ErrNotFound) {
			return none, nil
		}
		return none, err
	}
	return l, nil
}

// takeHostPort reads the host port's addresses and routes into the record, on
// disk as well, and deletes the port to free the name.
func (w *Wire) takeHostPort() error {
	port, s, err := link.ByName(w.home, w.rec.Name)
	if errors.Is(err, link.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.Kind != "tun" {
		return fmt.Errorf("its name has been taken by another interface (%s, index %d): %w", s.Kind, s.Index, unix.EEXIST)
	}
	rec := w.rec
	if err := snapshot(port, &rec); err != nil {
		return err
	}
	rec.Index = port.Index // what the routes name
	if err := w.records.Save(rec); err != nil {
		return err
	}
	w.rec = rec
	return port.Delete()
}

// finish restores the settings of the interface, which is at home again or has
// never left. With doubt it must have the recorded MAC: it may be another one
// that got its name.
func (w *Wire) finish(doubt bool) error {
	l, s, err := link.ByName(w.home, w.rec.Name)
	stranger := s.Kind == "tun" || (doubt && s.MAC().String() != w.rec.MAC)
	if errors.Is(err, link.ErrNotFound) || (err == nil && stranger) {
		return ErrVanished
	}
	if err != nil {
		return err
	}
	return errors.Join(setMerging(l, w.rec.Merging, true), apply(l, &w.rec))
}

// forget removes what the take-over has left: namespace, record, descriptor.
func (w *Wire) forget() error {
	if err := Forget(w.rec, w.records); err != nil {
		return err
	}
	unix.Close(w.home)
	w.home = -1
	return nil
}

// Forget removes the private namespace and the record of a wire that cannot be
// put back, since the namespace that it came from has ended.
func Forget(rec store.Wire, records store.Table[store.Wire]) error {
	if err := netns.Delete(rec.Netns); err != nil {
		return err
	}
	return records.Delete(rec.Key())
}
