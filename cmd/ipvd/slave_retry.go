package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"
	"ipvd/pmd"
)

// An interface that somebody else has attached is tried again after pauses that
// double from first to longest.
const (
	firstRetry   = 250 * time.Millisecond
	longestRetry = 30 * time.Second
)

// missing is a recorded slave that somebody else has: it counts as there, but
// no packet reaches it.
type missing struct {
	record store.Slave
	why    error
	pause  time.Duration // before the next try
}

// takeUp takes up a slave that an earlier run has left. Under mu. One whose
// interface is in use is tried again; one that is gone is forgotten; for any
// other reason it stays in the state, for the next start.
func (m *master) takeUp(r store.Slave, pause time.Duration) {
	err := m.restoreSlave(r)
	log := m.log.With().Str("slave", r.Name).Int("id", r.ID).Logger()
	switch {
	case err == nil:
		log.Info().Msg("slave is taken up again")
	case errors.Is(err, pmd.ErrBusy):
		log.Warn().Err(err).Stringer("next_try", pause).Msg("the slave is not taken up yet")
		m.retry(&missing{r, err, pause})
	case hasEnded(err):
		log.Info().Err(errors.Join(err, m.d.store.Slaves.Delete(r.Key()))).Msg("the slave is forgotten: its interface or namespace has ended")
	default:
		log.Error().Err(err).Msg("the slave is not taken up")
	}
}

// retry tries to take a missing slave up after its pause. Under mu.
func (m *master) retry(s *missing) {
	m.missing = append(m.missing, s)
	time.AfterFunc(s.pause, func() {
		m.d.chores.add(s.record.Key()+" retry", func() { m.tryAgain(s) })
	})
}

func (m *master) tryAgain(s *missing) {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	m.missing = slices.DeleteFunc(m.missing, func(o *missing) bool { return o == s })
	m.takeUp(s.record, min(2*s.pause, longestRetry))
}

// orMissing gives the reason why a slave cannot be had that is asked for by name
// or MASTER/ID, or err when none is missing that is called so. Under mu.
func (d *daemon) orMissing(name string, err error) error {
	for _, m := range d.masters {
		for _, s := range m.missing {
			if name == s.record.Name || name == s.record.Key() {
				return &api.Refusal{Text: fmt.Sprintf("slave %s (%s) is not taken up yet: %v", s.record.Name, s.record.Key(), s.why), Errno: unix.EBUSY}
			}
		}
	}
	return err
}

// showMissing shows those that a filter means, in a namespace unless it is nil.
// Under mu.
func (d *daemon) showMissing(only *netns.ID, f api.LinkFilter) []api.Link {
	var links []api.Link
	for _, m := range d.masters {
		for _, s := range m.missing {
			r := s.record
			named := f.Name == "" || f.Name == r.Name || f.Name == r.Key()
			if named && (only == nil || *only == r.Netns) && (f.Master == "" || f.Master == m.name) {
				links = append(links, s.show(m))
			}
		}
	}
	return links
}

// show is what is known of a missing slave.
func (s *missing) show(m *master) api.Link {
	r := s.record
	at := place{netns: r.Netns, netnsName: r.NetnsName}
	return api.Link{IfIndex: r.IfIndex, IfName: r.Name, Link: m.name, Flags: []string{}, MTU: r.MTU, OperState: "UNKNOWN",
		Address: m.mac().String(), ID: r.ID, Netns: at.where(), PortKind: r.Kind, State: s.why.Error(),
		MMode: m.template.Mode.String(), MFlag: m.template.Flag.String()}
}

// hasEnded says that an error means that there is nothing to take up any more.
func hasEnded(err error) bool {
	return errors.Is(err, pmd.ErrGone) || errors.Is(err, link.ErrNotFound) || errors.Is(err, netns.ErrNotFound)
}
