package rfc2544

import (
	"context"
	"fmt"
	"time"

	"ipvd/cmd/ipvgen/internal/trial"
)

// Search says how to look for the throughput.
type Search struct {
	Max        float64       // packets per second of the line, or the most to try
	Resolution float64       // how close to come, as a share of Max
	Tolerance  float64       // loss that still passes, as a share; RFC 1242, section 3.17, allows none
	Duration   time.Duration // of a trial; RFC 2544, section 24, asks for 60 s at least
}

// Throughput is the highest rate that a device forwards without loss.
type Throughput struct {
	// PPS is the rate that was offered in Best; 0 when none passed.
	PPS    float64         `json:"pps"`
	Best   trial.Outcome   `json:"best"`
	Trials []trial.Outcome `json:"trials"`
	// Limited says that the generator could not offer more: the device may be
	// faster.
	Limited bool `json:"limited_by_generator,omitempty"`
}

// slack is how much less than what was asked the generator may offer before its
// own speed counts as the limit. A trial that falls short is repeated up to
// retries times, for the sender may have lost its CPU to somebody else.
const (
	slack   = 0.02
	retries = 2
)

// FindThroughput looks for the throughput by halving (RFC 2544, section 26.1).
func FindThroughput(ctx context.Context, try Trial, s Search) (Throughput, error) {
	var t Throughput
	low, high, rate := 0.0, s.Max, s.Max
	able := 0.0 // the most that the generator has offered
	for high-low > s.Resolution*s.Max || len(t.Trials) == 0 {
		o, short, err := t.offer(ctx, try, rate, s)
		if err != nil {
			return t, fmt.Errorf("throughput at %.0f pps: %w", rate, err)
		}
		able = max(able, o.OfferedPPS())
		switch {
		case !passed(o, s.Tolerance):
			high = rate
			if short {
				high = min(rate, max(low, o.OfferedPPS()))
			}
		case !short:
			low = rate
			t.PPS, t.Best = o.OfferedPPS(), o
		default:
			// Nothing is known of the rate asked for, only of the one offered.
			high = rate
			if o.OfferedPPS() > low {
				low = o.OfferedPPS()
				t.PPS, t.Best = low, o
			}
			if t.Limited = able < rate*(1-slack); t.Limited {
				return t, nil
			}
		}
		if low == s.Max {
			break
		}
		rate = (low + high) / 2
	}
	return t, nil
}

// offer runs trials at a rate until one is not short of it, and gives the last.
func (t *Throughput) offer(ctx context.Context, try Trial, rate float64, s Search) (o trial.Outcome, short bool, err error) {
	for range 1 + retries {
		o, err = try(ctx, trial.Load{PPS: rate, Duration: s.Duration})
		if err != nil {
			return o, false, err
		}
		t.Trials = append(t.Trials, o)
		if short = o.OfferedPPS() < rate*(1-slack); !short {
			break
		}
	}
	return o, short, nil
}
