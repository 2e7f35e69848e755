// Package volley sends many frames at a time through a lab and tells what each
// of them gave.
//
// All frames of a volley are under way at once. What a port sees is told apart
// by content: a frame is seen as it was sent, or with another Ethernet header,
// TTL and the like, as a host's routing leaves it, and then by its addresses
// and payload. So no two frames of a volley may be equal in these (see keys.go).
// An answer that a driver gives to a question is known by the address asked for.
// A volley ends when probes sent after it at every port have come through, twice,
// and a driver that keeps an account has nothing under way. Stations must be
// silent, and their neighbours permanent.
//
// Nothing may be lost for want of room: volleys are short, losses are counted,
// and a volley with losses, with a probe missing or with frames that nobody sent
// is repeated, in small parts at last.
package volley

import (
	"errors"
	"fmt"
	"slices"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
)

// Limits of a volley.
const (
	most     = 200 // frames; the kernel's driver has room for 1000 group frames
	burst    = 25  // frames between two looks at what has come
	small    = 20  // frames of the volleys that follow when those of one are lost
	attempts = 3   // volleys until losses are an error
)

// ErrLost is wrapped when frames are lost in every attempt.
var ErrLost = errors.New("frames are lost for want of room")

// Shot is a frame and the port that sends it.
type Shot struct {
	At    string `json:"at"`
	Frame []byte `json:"frame"`
}

// Answer is what shots gave.
type Answer struct {
	// Outcomes are one a shot, in their order, without ID.
	Outcomes []scenario.Outcome
	// Strays are frames that no shot explains, in every attempt.
	Strays   []scenario.Frame
	Repeated []string // why volleys were repeated
	// Dropped is what the driver counted as dropped meanwhile, if it can tell: by
	// place and reason.
	Dropped map[string]int64
	Kernel  string // release of the one it ran on
	Error   string
}

// Range is a lab that is ready for volleys. It is used by one goroutine.
type Range struct {
	lab     *lab.Lab
	s       scenario.Scenario
	ports   map[string]*port
	sources []source
	probe   uint32 // number of the last probe
	buf     []byte
	control []byte
}

// Open makes the scenario's stations and watches them. Its steps play no part.
func Open(s scenario.Scenario, d lab.Driver, prefix string) (*Range, error) {
	l, err := lab.Open(s, d, prefix)
	if err != nil {
		return nil, err
	}
	r := &Range{lab: l, s: s, ports: map[string]*port{}, buf: make([]byte, 1<<16), control: make([]byte, 512)}
	for _, name := range s.Ports() {
		if err := r.open(name); err != nil {
			return nil, errors.Join(fmt.Errorf("port %s: %w", name, err), r.Close())
		}
	}
	return r, r.warmUp()
}

// Close removes the stations.
func (r *Range) Close() error {
	for _, p := range r.ports {
		p.close()
	}
	for _, s := range r.sources {
		s.close()
	}
	return r.lab.Close()
}

// Fire sends shots, in as many volleys as it takes.
func (r *Range) Fire(shots []Shot) (a Answer, err error) {
	a.Outcomes, a.Kernel = make([]scenario.Outcome, len(shots)), lab.Release()
	before, err := r.dropped()
	if err != nil {
		return a, err
	}
	for _, part := range partition(shots, most) {
		if err := volleys(r.attempt, shots, part, &a); err != nil {
			return a, err
		}
	}
	after, err := r.dropped()
	a.Dropped = increased(before, after)
	return a, err
}

// volleys sends the shots of a part by attempt, in small parts when not all at once
// pass: on a machine that is busy queues are full earlier.
func volleys(attempt func(*flight) error, shots []Shot, part []int, a *Answer) error {
	err := volley(attempt, shots, part, a)
	if !errors.Is(err, ErrLost) || len(part) <= small {
		return err
	}
	for some := range slices.Chunk(part, small) {
		if err := volley(attempt, shots, some, a); err != nil {
			return err
		}
	}
	return nil
}

// volley sends the shots of a part, again when something was lost.
func volley(attempt func(*flight) error, shots []Shot, part []int, a *Answer) error {
	var fault error
	var last *flight
	for range attempts {
		f := newFlight(shots, part)
		if fault = attempt(f); fault == nil && len(f.strays) == 0 {
			f.store(a)
			return nil
		}
		if fault == nil {
			fault = fmt.Errorf("%w, the first at %s: %x", errStrays, f.strays[0].Port, []byte(f.strays[0].Hex))
		}
		a.Repeated = append(a.Repeated, fault.Error())
		last = f
	}
	if errors.Is(fault, errStrays) {
		last.store(a)
		a.Strays = append(a.Strays, last.strays...)
		return nil
	}
	return fault
}

// errStrays is the fault of an attempt in which only strays are wrong.
var errStrays = errors.New("frames that nobody sent")

// attempt sends a part once.
func (r *Range) attempt(f *flight) error {
	r.drain(nil, 0)
	before, err := r.losses()
	if err != nil {
		return err
	}
	for i, n := range f.part {
		shot := f.shots[n]
		if err := r.send(shot); err != nil {
			f.outcomes[n].Error = lab.ErrorText(err)
		}
		if i%burst == burst-1 {
			r.drain(f, 0)
		}
	}
	if err := r.finish(f); err != nil {
		return err
	}
	after, err := r.losses()
	if err != nil {
		return err
	}
	for what, n := range increased(before, after) {
		return fmt.Errorf("%w: %s: %d", ErrLost, what, n)
	}
	return nil
}

func (r *Range) send(s Shot) error {
	p := r.ports[s.At]
	if p == nil {
		return fmt.Errorf("no port %q", s.At)
	}
	return p.send(s.Frame)
}

// partition gives parts of at most n shots, none of which could be taken for
// another of its part.
func partition(shots []Shot, n int) (parts [][]int) {
	var taken []map[string]bool
	open := 0 // parts before it are full
	for i, s := range shots {
		keys := keysOf(s.Frame)
		at := open
		for at < len(parts) && (len(parts[at]) >= n || slices.ContainsFunc(keys, func(k string) bool { return taken[at][k] })) {
			at++
		}
		if at == len(parts) {
			parts, taken = append(parts, nil), append(taken, map[string]bool{})
		}
		parts[at] = append(parts[at], i)
		for _, k := range keys {
			taken[at][k] = true
		}
		for open < len(parts) && len(parts[open]) >= n {
			open++
		}
	}
	return parts
}
