package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/service"
)

// stored are descriptors of TAPs that systemd has kept since an earlier run, by the
// keys of their slaves.
type stored map[string]int

// take gives the descriptor of a slave, 0 when there is none.
func (s stored) take(key string) int {
	fd := s[key]
	delete(s, key)
	return fd
}

// drop closes what no slave has taken, and has systemd do so.
func (s stored) drop(m *service.Manager, log zerolog.Logger) {
	for key := range s {
		unix.Close(s.take(key))
		if err := m.Forget(key); err != nil {
			log.Warn().Err(err).Str("slave", key).Msg("systemd keeps the descriptor of a slave that is gone")
		}
	}
}

// findService looks who has started the daemon and what it has kept.
func (d *daemon) findService() (err error) {
	if d.service, err = service.Find(); err != nil {
		d.log.Warn().Err(err).Msg("the watchdog is off")
	}
	if d.stored, err = service.Stored(); err != nil {
		d.log.Warn().Err(err).Msg("what systemd has kept is not used")
	}
	return nil
}

// keep lets systemd keep the slave's TAP attached while the daemon is away, so that
// what its namespace sends waits.
func (s *slave) keep() {
	if s.tap == nil || s.m.d.service == nil || s.m.d.cfg.Ephemeral {
		return
	}
	err := s.tap.Keep(func(fd int) error { return s.m.d.service.Store(s.key(), fd) })
	if err != nil {
		s.m.log.Warn().Err(err).Str("slave", s.key()).Msg("packets of this slave are lost while the daemon is started again")
	}
}

// letGo has systemd close what keep has given it.
func (s *slave) letGo() error {
	if s.tap == nil || s.m.d.cfg.Ephemeral {
		return nil
	}
	return s.m.d.service.Forget(s.key())
}

// tellReady tells systemd that the daemon serves.
func (d *daemon) tellReady() error {
	d.mu.Lock()
	slaves := len(d.slaves())
	d.mu.Unlock()
	return d.service.Ready(fmt.Sprintf("masters: %d, slaves: %d", len(d.cfg.Masters), slaves))
}

// tellStopping tells systemd that the daemon ends.
func (d *daemon) tellStopping() {
	if err := d.service.Stopping(); err != nil {
		d.log.Warn().Err(err).Msg("systemd is not told that the daemon ends")
	}
}

// turn waits as a request does that changes something.
func (d *daemon) turn() {
	d.mu.Lock()
	defer d.mu.Unlock()
}

// watchdog tells systemd that the daemon is alive, which it is as long as a request
// would get its turn.
func (d *daemon) watchdog(ctx context.Context) {
	limit := d.service.Watchdog()
	if limit == 0 {
		return
	}
	tick := time.NewTicker(limit / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.turn()
			if err := d.service.Alive(); err != nil {
				d.log.Warn().Err(err).Msg("the watchdog will end the daemon")
			}
		}
	}
}
