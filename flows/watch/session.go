package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/bpf"

	"ipvd/flows"
	"ipvd/pmd"
)

// Kind is what a place is, and so what happens to a packet there.
type Kind uint8

// The kinds.
const (
	Received Kind = iota // by a queue of Port
	Entered              // Stage
	Left                 // the stage entered last
	Queued               // for sending, on a queue of Port
	Dropped              // and counted in the set Stage as Reason
)

// Place is where packets are seen.
type Place struct {
	Kind   Kind
	Port   pmd.Port
	Queue  int
	Stage  string
	Reason string
}

// Filter says which packets are wanted, and where.
type Filter struct {
	Ports   []pmd.Port          // what they came by or leave by; nil: any
	Sets    []*flows.CounterSet // of Ports: a drop that counts there is wanted as well
	In, Out bool                // as they were received, as they are sent
	Stage   string              // as they enter this stage; "": none
	Drop    string              // as they are dropped for this reason, or any; "": not
	Program []bpf.Instruction   // accepts the frame; nil: any frame
}

// AnyReason is a Filter.Drop.
const AnyReason = "any"

// Config describes a session.
type Config struct {
	Filter
	// Trace follows each packet that Ports, which it came by, and Program accept; In,
	// Out, Stage and Drop are of no meaning then.
	Trace   bool
	Snap    int // most bytes that are copied of a packet
	Ring    int // bytes of a worker's ring
	Workers int
}

// Session is one look at the packets of all workers. Worker is for graphs that are
// built; Read, Lost and Place for one goroutine of the control plane.
type Session struct {
	cfg   Config
	rings []*ring

	mu     sync.Mutex
	places []Place
	ids    map[Place]uint32
}

// NewSession makes a session. A program that a BPF machine refuses is an error.
func NewSession(cfg Config) (*Session, error) {
	if cfg.Program != nil {
		if _, err := bpf.NewVM(cfg.Program); err != nil {
			return nil, fmt.Errorf("filter of %d instructions: %w", len(cfg.Program), err)
		}
	}
	s := &Session{cfg: cfg, ids: map[Place]uint32{}}
	for range cfg.Workers {
		s.rings = append(s.rings, newRing(cfg.Ring))
	}
	return s, nil
}

// id numbers places. A graph that is built anew gets the same numbers.
func (s *Session) id(p Place) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.ids[p]
	if !ok {
		id = uint32(len(s.places))
		s.places = append(s.places, p)
		s.ids[p] = id
	}
	return id
}

func (s *Session) place(id uint32) Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places[id]
}

// Check refuses a stage that is in none of the graphs that were built with the
// session: nothing would ever be seen of it.
func (s *Session) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stages []string
	for _, p := range s.places {
		if p.Kind == Entered {
			stages = append(stages, fmt.Sprintf("%q", p.Stage))
		}
	}
	if s.cfg.Stage == "" || slices.Contains(stages, fmt.Sprintf("%q", s.cfg.Stage)) {
		return nil
	}
	slices.Sort(stages)
	return fmt.Errorf("no stage is called %q; there are: %s", s.cfg.Stage, strings.Join(stages, ", "))
}

// Lost is how many records found no room so far.
func (s *Session) Lost() uint64 {
	var n uint64
	for _, r := range s.rings {
		n += r.lost.Load()
	}
	return n
}

// Packet is what a session has seen of one packet.
type Packet struct {
	Time   time.Time
	Worker int
	Place  Place  // where it was seen; of a trace where it was received
	By     Place  // where it had been received
	Len    int    // bytes of the frame
	Data   []byte // the first of them, as they were at Place
	Steps  []Step // of a trace
	More   int    // steps that did not fit
}

// Step is a place on a packet's way.
type Step struct {
	Place Place
	Len   int    // bytes of the frame then
	Head  []byte // the first of them
}

// Read gives what was seen since the last call, oldest first, at most max packets
// of each worker.
func (s *Session) Read(max int) []Packet {
	var all []Packet
	for w, r := range s.rings {
		for range max {
			b := r.get()
			if b == nil {
				break
			}
			p := s.decode(b)
			p.Worker = w
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b Packet) int { return cmp.Compare(a.Time.UnixNano(), b.Time.UnixNano()) })
	return all
}
