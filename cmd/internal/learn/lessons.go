// Package learn takes the addresses of slaves whose interfaces the kernel knows
// nothing of from the frames that they send.
package learn

import (
	"net/netip"
	"sync"
	"time"

	"ipvd/flows/ipvlan"
)

const (
	// Most is how many addresses of a slave are learned.
	Most = 16
	// learnedFor is how long one is kept after it was seen last. A DHCP lease is not
	// read: who has one uses it, or has asked for it anew.
	learnedFor = 10 * time.Minute
	// learnEvery is how often a slave's workers are asked what they have seen, and
	// renewEvery how often they tell anew of what is in use.
	learnEvery = 10 * time.Millisecond
	renewEvery = time.Minute
)

// Book is where addresses are entered. Its functions are called on one goroutine.
type Book struct {
	Claim   func(netip.Addr)
	Release func(netip.Addr)
	IsHost  func(netip.Addr) bool
	Refuse  func(netip.Addr) // the first address that is one too many
}

// Lessons are the addresses that a slave's frames told of. nil learns nothing.
type Lessons struct {
	Book
	learner *ipvlan.Learner

	seen   map[netip.Addr]time.Time // when it was seen last; the goroutine's
	full   bool                     // Refuse was called
	quit   chan struct{}
	done   sync.WaitGroup
	stopIt sync.Once
}

// Begin learns from now on what learner notes, until End.
func Begin(learner *ipvlan.Learner, book Book) *Lessons {
	l := &Lessons{Book: book, learner: learner, seen: map[netip.Addr]time.Time{}, quit: make(chan struct{})}
	l.done.Go(l.follow)
	return l
}

func (l *Lessons) follow() {
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
}

// End learns no more. A second call does nothing.
func (l *Lessons) End() {
	if l == nil {
		return
	}
	l.stopIt.Do(func() { close(l.quit) })
	l.done.Wait()
}

// note takes an address that was seen. Nobody learns one of the host's, which a slave
// would take away from it.
func (l *Lessons) note(a netip.Addr, now time.Time) {
	if _, ok := l.seen[a]; ok {
		l.seen[a] = now
		return
	}
	if a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || l.IsHost(a) {
		return
	}
	if len(l.seen) >= Most {
		if !l.full {
			l.full = true
			l.Refuse(a)
		}
		return
	}
	l.seen[a] = now
	l.Claim(a)
}

// expire forgets what was not seen for long.
func (l *Lessons) expire(now time.Time) {
	for a, at := range l.seen {
		if now.Sub(at) > learnedFor {
			delete(l.seen, a)
			l.full = false
			l.Release(a)
		}
	}
}
