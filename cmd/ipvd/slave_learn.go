package main

import (
	"net/netip"

	"ipvd/cmd/internal/learn"
	"ipvd/flows/ipvlan"
)

// prepareLearning has the workers note the addresses that the slave's frames tell of,
// if that is wanted.
func (s *slave) prepareLearning() {
	if s.options.Learn {
		s.model.Learn = ipvlan.NewLearner(s.m.d.workers())
	}
}

// beginLearning enters them into the registry from now on.
func (s *slave) beginLearning() {
	if s.model.Learn == nil {
		return
	}
	reg, id := s.m.addrs, s.id
	s.lessons = learn.Begin(s.model.Learn, learn.Book{
		Claim:   func(a netip.Addr) { reg.claim(id, a) },
		Release: func(a netip.Addr) { reg.release(id, a) },
		IsHost:  reg.isHost,
		Refuse: func(a netip.Addr) {
			s.m.log.Warn().Int("id", int(id)).Stringer("addr", a).Int("most", learn.Most).
				Msg("the slave uses more addresses than are learned: give it the others by ipvctl addr add")
		},
	})
}

func (r *registry) isHost(a netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reg.IsHost(a)
}
