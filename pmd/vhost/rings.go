package vhost

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
)

// setRing does a request about one ring.
func (l *link) setRing(m *message) error {
	r, value, err := l.ringOf(m)
	if err != nil {
		return err
	}
	l.halt()
	switch m.request {
	case setVringNum:
		if value == 0 || value > 1<<15 || value&(value-1) != 0 {
			return fmt.Errorf("ring of %d descriptors, no power of two up to 32768: %w", value, unix.EINVAL)
		}
		r.num = value
	case setVringAddr:
		if len(m.body) < 40 {
			return m.short()
		}
		r.desc = binary.LittleEndian.Uint64(m.body[8:])
		r.used = binary.LittleEndian.Uint64(m.body[16:])
		r.avail = binary.LittleEndian.Uint64(m.body[24:])
	case setVringBase:
		r.base = uint16(value)
	case setVringEnable:
		r.enabled = value != 0
	case setVringKick:
		r.kicked = true
		return l.replace(&r.kick, m, value)
	case setVringCall:
		if r.bell != nil {
			l.Silence(r.bell)
			r.bell = nil
		}
		if err := l.replace(&r.call, m, value); err != nil || r.call < 0 {
			return err
		}
		r.bell, err = l.NewBell(r.call)
		return err
	default:
		return fmt.Errorf("not known: %w", unix.EOPNOTSUPP)
	}
	return nil
}

// replace puts the descriptor of m, if it is to have one, in the place of another.
func (l *link) replace(fd *int, m *message, none uint32) error {
	if *fd >= 0 {
		l.Release(*fd)
		*fd = -1
	}
	got, err := m.take()
	if err != nil || got < 0 {
		return err
	}
	if err := l.Adopt(got); err != nil {
		return err
	}
	if none != 0 {
		l.Release(got)
		return nil
	}
	*fd = got
	return nil
}

// forget closes what a stopped ring has.
func (l *link) forget(r *vring) {
	if r.bell != nil {
		l.Silence(r.bell)
		r.bell = nil
	}
	for _, fd := range []*int{&r.kick, &r.call} {
		if *fd >= 0 {
			l.Release(*fd)
			*fd = -1
		}
	}
}

// halt stops all rings, and notes how far they came.
func (l *link) halt() {
	if !l.running {
		return
	}
	l.running = false
	l.Down()
	for i := range l.rings {
		if r := &l.rings[i]; r.ring != nil {
			r.base, r.ring = r.ring.next, nil
		}
	}
}

// ready reports that nothing is missing of a ring.
func (l *link) ready(r *vring) bool {
	return r.kicked && r.num > 0 && r.desc != 0 && (r.enabled || l.features&fProtocolFeatures == 0)
}

// resume starts the rings that are ready, if packets can flow both ways.
func (l *link) resume() error {
	l.halt()
	rx, tx := make([]peer.Rx, l.Queues()), make([]peer.Sender, l.Queues())
	var ways [2]bool
	for i := range l.rings {
		r := &l.rings[i]
		if !l.ready(r) {
			continue
		}
		q, err := l.newRing(r)
		if err != nil {
			return fmt.Errorf("ring %d: %w", i, err)
		}
		ways[i%2] = true
		if i%2 == 0 {
			tx[i/2] = (*txRing)(q)
		} else {
			rx[i/2] = peer.Rx{Receiver: (*rxRing)(q), Kick: r.kick}
		}
	}
	if ways != [2]bool{true, true} {
		return nil
	}
	l.running = true
	return l.Up(rx, tx)
}
