// Package trial sends a load to a device under test, receives what comes back
// and tells what became of it.
package trial

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"ipvd/cmd/ipvgen/internal/pace"
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/cmd/ipvgen/internal/track"
	"ipvd/flows"
	"ipvd/pmd"
)

// Burst is how many packets a step makes, and takes from a queue.
const Burst = 64

// ErrTooLong says that the traffic has frames that the bench cannot make or send.
var ErrTooLong = errors.New("frames are too long")

// tick is how often a running trial is looked at.
const tick = 20 * time.Millisecond

// Bench is the tester's side: the ports that the device under test lies between.
// One trial at a time.
type Bench struct {
	Runtime pmd.Runtime
	Pool    pmd.Pool
	CPUs    []int      // one worker for both directions, or the sender's and the receiver's; -1: not pinned
	Tx      pmd.Port   // nil: the sender is another process
	Rx      []pmd.Port // none: only send
	Clock   pace.Clock
	// Drain is how long to wait for packets after the last was sent (RFC 2544,
	// section 23, asks for 2 s). It ends early when all have arrived. Without Rx
	// it leaves the receiver time to empty a ring that goes with the port.
	Drain time.Duration
	// Progress is told how a trial goes, some times a second; nil: nobody is.
	Progress func(Progress)
	// Run tells the packets of this bench's trials from each other and from
	// another process's; it counts up.
	Run uint16
}

// Progress is how far a trial has come.
type Progress struct {
	Elapsed        time.Duration
	Sent, Received uint64 // packets so far
}

// running is a trial that goes on.
type running struct {
	*Bench
	load    Load
	source  *source // nil: receive only
	tracker *track.Tracker
	set     *flows.CounterSet
	sys     *flows.System
	faults  chan flows.Fault // the first panic of a worker
	txThen  uint64           // packets refused before
	began   time.Time
}

// Do runs a trial. When ctx ends, the trial ends early and its outcome is that
// of what was sent. Without Tx, traffic is nil and the load's duration is how
// long to receive; its count, after how many packets to stop.
func (b *Bench) Do(ctx context.Context, traffic profile.Traffic, l Load) (Outcome, error) {
	r := &running{Bench: b, load: l, tracker: track.New(), faults: make(chan flows.Fault, 1), began: time.Now()}
	b.Run++
	if b.Tx != nil {
		if err := b.fits(traffic); err != nil {
			return Outcome{}, err
		}
		r.source = newSource(traffic, l, b.Run, b.Clock.Now)
		r.txThen = b.refused()
	}
	r.set = flows.NewCounterSet("ipvgen", len(b.CPUs), sinkSpecs())
	sys, err := flows.Start(flows.Config{Runtime: b.Runtime, Pool: b.Pool, CPUs: b.CPUs, Burst: Burst,
		SwapTimeout: 10 * time.Second, OnFault: r.fault}, r.build(traffic))
	if err != nil {
		return Outcome{}, err
	}
	r.sys = sys
	r.wait(ctx)
	if err := sys.Stop(); err != nil {
		return Outcome{}, err
	}
	select {
	case f := <-r.faults:
		return Outcome{}, fmt.Errorf("worker %d panicked: %v\n%s", f.Worker, f.Value, f.Stack)
	default:
	}
	return r.outcome(traffic), nil
}

// fits checks that the traffic's frames can be made and sent.
func (b *Bench) fits(traffic profile.Traffic) error {
	if traffic == nil {
		return errors.New("no traffic to send")
	}
	n := traffic.MaxFrame()
	if room := b.Pool.DataRoom(); n > room {
		return fmt.Errorf("frames of %d bytes, mbufs of %d: %w", n, room, ErrTooLong)
	}
	if most := b.Tx.Info().Caps.MaxFrame; most != 0 && n > most {
		return fmt.Errorf("frames of %d bytes, port %s sends %d at most: %w", n, b.Tx.Name(), most, ErrTooLong)
	}
	return nil
}

// build makes the first worker send and the last one receive.
func (r *running) build(traffic profile.Traffic) flows.Build {
	return func(g *flows.Graph) error {
		if r.source != nil && g.Worker() == 0 {
			g.GenerateBurst(r.source.make).Send(r.Tx)
		}
		counters := g.Counters(r.set)
		if g.Worker() != g.Workers()-1 {
			return nil
		}
		s := &sink{vec: g.Vector(), tracker: r.tracker, now: r.Clock.Now, run: r.Run, any: r.source == nil,
			plain: traffic != nil && !traffic.Stamped(), counters: counters}
		for _, p := range r.Rx {
			for _, q := range p.Rx() {
				if err := g.Input("sink", q, s); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// wait returns when the load is sent and what is under way has had its time.
func (r *running) wait(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for !r.sent(ctx) {
		<-t.C
		r.report()
	}
	if r.source == nil || !r.source.done.Load() {
		return
	}
	for end := time.Now().Add(r.Drain); time.Now().Before(end) && r.set.Load(cntOwn) < r.source.seq-r.refusedNow(); {
		<-t.C
		r.report()
	}
}

// fault ends the trial because of a panic.
func (r *running) fault(f flows.Fault) {
	select {
	case r.faults <- f:
	default: // the first one tells
	}
}

// sent reports whether everything was sent, or received when nothing is sent.
func (r *running) sent(ctx context.Context) bool {
	if len(r.faults) > 0 {
		return true
	}
	if r.source != nil {
		if ctx.Err() != nil {
			r.source.stop.Store(true)
		}
		return r.source.done.Load()
	}
	return ctx.Err() != nil || r.load.Duration > 0 && time.Since(r.began) >= r.load.Duration ||
		r.load.Count > 0 && r.set.Load(cntOwn) >= r.load.Count
}

func (r *running) report() {
	if r.Progress == nil {
		return
	}
	p := Progress{Elapsed: time.Since(r.began), Received: r.set.Load(cntOwn)}
	for _, c := range r.sys.Counters() {
		if c.Name == "delivered" {
			p.Sent += c.Value
		}
	}
	r.Progress(p)
}

// refused is how many packets the port did not take or could not send so far.
func (b *Bench) refused() uint64 {
	n := b.Tx.Stats().OErrors
	for _, q := range b.Tx.Tx() {
		s := q.Stats()
		n += s.Full + s.TooBig + s.Refused
	}
	return n
}

func (r *running) refusedNow() uint64 { return min(r.refused()-r.txThen, r.source.seq) }

// outcome sums up, after the workers have ended.
func (r *running) outcome(traffic profile.Traffic) Outcome {
	c := r.tracker.Counts()
	o := Outcome{Received: c.Received, Duplicate: c.Duplicates, Reordered: c.Reordered, Latency: r.tracker.Latency(),
		Foreign: r.set.Load(cntForeign), LongestGap: r.tracker.LongestGap().Len(), OneWay: len(r.Rx) == 0}
	first, last := r.tracker.Span()
	if r.source == nil {
		o.Offered, o.Seconds = c.Highest, float64(last-first)/1e9
		return o
	}
	o.FrameSize, o.Seconds, o.Unstamped = traffic.MeanSize(), r.source.seconds(), !traffic.Stamped()
	o.Offered, o.Refused, o.Forgone = r.source.seq, r.refusedNow(), r.source.bucket.Forgone()
	if !o.OneWay {
		o.Silence = max(0, r.source.last-max(last, r.source.start))
	}
	if !math.IsInf(r.load.PPS, 1) {
		o.Requested = r.load.PPS
	}
	if o.Unstamped {
		o.Received = r.set.Load(cntOwn)
	}
	return o
}
