package main

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/conntrack"
	"ipvd/flows"
	"ipvd/flows/ipvlan"
)

const (
	// tick is the unit of the flow table's time.
	tick = time.Second / ipvlan.TicksPerSecond
	// settle is how long a connection must have been established before it is worth a
	// place in the table: most are short.
	settle = 20 * time.Millisecond
	// calm is how long changes of rules and routes are gathered after one that ended
	// all shortcuts, before the next does.
	calm = 40 * time.Millisecond
	// reclaimAfter is how long room of flows that have ended waits for company.
	reclaimAfter = 100 * time.Millisecond
	// readAfter is how often the flows' counters are read, which wrap.
	readAfter = time.Second
	// manyFlows is up to how many flows each is seen by the host every second.
	manyFlows = 10000
)

// shortcuts decides which flows of a master in l3s may leave out the turn through
// the host: those that connection tracking calls established, as long as it does.
// Whether a packet may is up to the workers.
type shortcuts struct {
	log     zerolog.Logger
	table   *ipvlan.FlowTable
	slaves  *ipvlan.Table
	tracker *conntrack.Tracker
	start   time.Time
	stop    chan struct{}
	done    chan struct{} // nil: run was not started

	// The table's methods that change flows are called on run's goroutine alone.
	mu       sync.Mutex
	flows    map[uint32]*shortcutFlow // by conntrack's id
	waiting  []waitingFlow            // oldest first
	awaited  map[uint32]bool          // ids in waiting that are established yet
	endings  map[string]uint64        // why all shortcuts were ended, and how often
	ended    time.Time                // when they were last
	due      time.Time                // when they will be again; zero: not
	retired  time.Time                // since when room waits to be reclaimed; zero: none
	read     time.Time                // when all counters were read last
	totals   shortcutTotals           // since s began
	troubled bool                     // the tracker tells nothing any more
}

// shortcutFlow is a flow in the table.
type shortcutFlow struct {
	conntrack.Flow
	id ipvlan.FlowID
}

// waitingFlow is established since a short time.
type waitingFlow struct {
	conntrack.Flow
	due time.Time
}

// newShortcuts begins to follow connection tracking for a master whose slaves have
// the addresses of table.
func newShortcuts(log zerolog.Logger, slaves *ipvlan.Table) (*shortcuts, error) {
	tracker, err := conntrack.Open(conntrack.Options{})
	if err != nil {
		return nil, err
	}
	return &shortcuts{log: log, table: ipvlan.NewFlowTable(), slaves: slaves, tracker: tracker, start: time.Now(),
		stop: make(chan struct{}), flows: map[uint32]*shortcutFlow{}, awaited: map[uint32]bool{}, endings: map[string]uint64{}, totals: newShortcutTotals()}, nil
}

// startRun makes s work, with the system whose workers use its table.
func (s *shortcuts) startRun(sys *flows.System) {
	s.done = make(chan struct{})
	go s.run(func() error { return sys.Synchronize(swapTimeout) })
}

// close ends s. No graph may use its table any more.
func (s *shortcuts) close() error {
	close(s.stop)
	err := s.tracker.Close()
	if s.done != nil {
		<-s.done
	}
	return err
}

// run handles events until close. Time goes on while there are flows.
func (s *shortcuts) run(synchronize func() error) {
	defer close(s.done)
	s.resync()
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for {
		s.mu.Lock()
		busy := len(s.flows)+len(s.waiting) > 0 || !s.due.IsZero() || !s.retired.IsZero()
		s.mu.Unlock()
		ticks := clock.C
		if !busy {
			ticks = nil
		}
		select {
		case <-s.stop:
			return
		case e := <-s.tracker.Events():
			s.handle(e)
		case <-ticks:
			now := time.Now()
			s.tick(now)
			s.reclaim(now, synchronize)
		}
	}
}

func (s *shortcuts) handle(e conntrack.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case conntrack.Updated:
		s.update(e.Flow)
	case conntrack.Destroyed:
		s.forget(e.Flow.ID, causeGone)
	case conntrack.Changed:
		s.changed(e.What)
	case conntrack.Lost:
		s.lost()
	case conntrack.Failed:
		s.troubled = true
		s.forgetAll(causeTrouble)
		s.log.Error().Err(e.Err).Msg("no flow takes a shortcut any more until the mode is set again")
	}
}

// update takes what is known of a flow now. Under mu.
func (s *shortcuts) update(f conntrack.Flow) {
	known := s.flows[f.ID] != nil || s.awaited[f.ID]
	switch {
	case !f.Established && known:
		s.forget(f.ID, causeClosing)
	case f.Established && !known && !s.troubled:
		s.awaited[f.ID] = true
		s.waiting = append(s.waiting, waitingFlow{f, time.Now().Add(settle)})
	}
}

// forget ends a flow because of cause. Under mu.
func (s *shortcuts) forget(id uint32, cause string) {
	delete(s.awaited, id)
	f := s.flows[id]
	if f == nil {
		return
	}
	s.totals.end(s.table.Stats(f.id), cause)
	s.table.Remove(f.id)
	delete(s.flows, id)
	if s.retired.IsZero() {
		s.retired = time.Now()
	}
}

func (s *shortcuts) forgetAll(cause string) {
	for id := range s.flows {
		s.forget(id, cause)
	}
	clear(s.awaited)
}

// tick does what is due.
func (s *shortcuts) tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table.Tick(uint32(now.Sub(s.start) / tick))
	s.table.SetPeriod(uint32(ipvlan.TicksPerSecond * max(1, len(s.flows)/manyFlows)))
	if !s.due.IsZero() && !now.Before(s.due) {
		s.endAll(now)
	}
	n := 0
	for n < len(s.waiting) && !now.Before(s.waiting[n].due) {
		s.admit(s.waiting[n].Flow)
		n++
	}
	s.waiting = s.waiting[n:]
	if now.Sub(s.read) >= readAfter {
		s.read = now
		for _, f := range s.flows {
			s.table.Stats(f.id)
		}
	}
}

// reclaim makes room of flows that have ended usable again. It waits for the workers,
// so mu is not held.
func (s *shortcuts) reclaim(now time.Time, synchronize func() error) {
	s.mu.Lock()
	due := !s.retired.IsZero() && now.Sub(s.retired) >= reclaimAfter
	if due {
		s.retired = time.Time{}
	}
	s.mu.Unlock()
	if !due {
		return
	}
	if err := s.table.Reclaim(synchronize); err != nil {
		s.log.Error().Err(err).Msg("room for flows is not reclaimed yet")
		s.mu.Lock()
		s.retired = now
		s.mu.Unlock()
	}
}

// admit puts a flow that is still established into the table, if a slave has part
// in it. Under mu.
func (s *shortcuts) admit(f conntrack.Flow) {
	if !s.awaited[f.ID] {
		return
	}
	delete(s.awaited, f.ID)
	orig, reply := s.isSlave(f.Orig.Src.Addr()), s.isSlave(f.Reply.Src.Addr())
	if !orig && !reply {
		return
	}
	if f.Orig.Proto == unix.IPPROTO_TCP {
		if err := s.tracker.BeLiberal(f.Orig); err != nil {
			s.log.Debug().Err(err).Msg("the flow has ended")
			return
		}
	}
	id, err := s.table.Add(f.Orig, f.Reply, orig, reply)
	switch {
	case err == nil:
		s.flows[f.ID] = &shortcutFlow{f, id}
		s.totals.admitted++
	case errors.Is(err, ipvlan.ErrFlowsFull):
		s.totals.refused++
	default:
		s.log.Debug().Err(err).Msg("the flow takes no shortcut")
	}
}

func (s *shortcuts) isSlave(a netip.Addr) bool {
	_, ok := s.slaves.Lookup(a)
	return ok
}

// changed ends all shortcuts because of what: at once, or soon when that was done a
// moment ago. Under mu.
func (s *shortcuts) changed(what string) {
	s.endings[what]++
	now := time.Now()
	if now.Sub(s.ended) >= calm {
		s.endAll(now)
	} else if s.due.IsZero() {
		s.due = s.ended.Add(calm)
	}
}

// endAll makes the host see every flow again. Under mu.
func (s *shortcuts) endAll(now time.Time) {
	s.table.EndAll()
	s.ended, s.due = now, time.Time{}
}

// end is changed for other goroutines.
func (s *shortcuts) end(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed(what)
}

// lost makes up for messages that were lost. Under mu.
func (s *shortcuts) lost() {
	s.endings["lost messages"]++
	s.endAll(time.Now())
	all, err := s.tracker.List()
	if err != nil {
		s.forgetAll(causeTrouble)
		s.log.Error().Err(err).Msg("flows begin anew")
		return
	}
	there := make(map[uint32]bool, len(all))
	for _, f := range all {
		there[f.ID] = true
		s.update(f)
	}
	for id := range s.flows {
		if !there[id] {
			s.forget(id, causeGone)
		}
	}
}

// resync takes the flows that exist when s starts.
func (s *shortcuts) resync() {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.tracker.List()
	if err != nil {
		s.log.Warn().Err(fmt.Errorf("flows that exist already take no shortcut: %w", err)).Msg("follow connection tracking")
	}
	for _, f := range all {
		s.update(f)
	}
}
