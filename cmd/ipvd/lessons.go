package main

import (
	"net/netip"
	"sync"
	"time"

	"ipvd/flows/ipvlan"
)

const (
	// mostLearned is how many addresses of a slave are learned.
	mostLearned = 16
	// learnedFor is how long one is kept after it was seen last. A DHCP lease is not
	// read: who has one uses it, or has asked for it anew.
	learnedFor = 10 * time.Minute
	// learnEvery is how often a slave's workers are asked what they have seen, and
	// renewEvery how often they tell anew of what is in use.
	learnEvery = 10 * time.Millisecond
	renewEvery = time.Minute
)

// lessons are the addresses that a slave's frames told of. nil learns nothing.
type lessons struct {
	learner *ipvlan.Learner
	claim   func(netip.Addr)
	release func(netip.Addr)
	isHost  func(netip.Addr) bool
	refuse  func(netip.Addr) // the first address that is one too many

	seen   map[netip.Addr]time.Time // when it was seen last; the goroutine's
	full   bool                     // refuse was called
	quit   chan struct{}
	done   sync.WaitGroup
	stopIt sync.Once
}

// beginLearning makes the lessons of a slave that was to have them.
func (s *slave) beginLearning() {
	if !s.options.Learn {
		return
	}
	reg, id := s.m.addrs, s.id
	s.model.Learn = ipvlan.NewLearner(s.m.d.workers())
	s.lessons = &lessons{
		learner: s.model.Learn, seen: map[netip.Addr]time.Time{}, quit: make(chan struct{}),
		claim:   func(a netip.Addr) { reg.claim(id, a) },
		release: func(a netip.Addr) { reg.release(id, a) },
		isHost:  reg.isHost,
		refuse: func(a netip.Addr) {
			s.m.log.Warn().Int("id", int(id)).Stringer("addr", a).Int("most", mostLearned).
				Msg("the slave uses more addresses than are learned: give it the others by ipvctl addr add")
		},
	}
}

func (r *registry) isHost(a netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reg.IsHost(a)
}

// follow learns from now on.
func (l *lessons) follow() {
	if l == nil {
		return
	}
	l.done.Go(func() {
		look, renew := time.NewTicker(learnEvery), time.NewTicker(renewEvery)
		defer look.Stop()
		defer renew.Stop()
		for {
			select {
			case <-l.quit:
				return
			case now := <-look.C:
				l.learner.Take(func(a netip.Addr) { l.note(a, now) })
			case now := <-renew.C:
				l.learner.Renew()
				l.expire(now)
			}
		}
	})
}

// end learns no more. A second call does nothing.
func (l *lessons) end() {
	if l == nil {
		return
	}
	l.stopIt.Do(func() { close(l.quit) })
	l.done.Wait()
}

// note takes an address that was seen. Nobody learns one of the host's, which a slave
// would take away from it.
func (l *lessons) note(a netip.Addr, now time.Time) {
	if _, ok := l.seen[a]; ok {
		l.seen[a] = now
		return
	}
	if a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || l.isHost(a) {
		return
	}
	if len(l.seen) >= mostLearned {
		if !l.full {
			l.full = true
			l.refuse(a)
		}
		return
	}
	l.seen[a] = now
	l.claim(a)
}

// expire forgets what was not seen for long.
func (l *lessons) expire(now time.Time) {
	for a, at := range l.seen {
		if now.Sub(at) > learnedFor {
			delete(l.seen, a)
			l.full = false
			l.release(a)
		}
	}
}
