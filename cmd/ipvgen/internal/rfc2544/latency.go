package rfc2544

import (
	"context"
	"fmt"
	"time"

	"ipvd/cmd/ipvgen/internal/trial"
)

// Latency is how long packets take at a rate.
type Latency struct {
	PPS    float64         `json:"pps"`
	Mean   float64         `json:"mean_ns"` // of the trials' means
	Trials []trial.Outcome `json:"trials"`
}

// MeasureLatency sends at rate pps for duration, repeat times (RFC 2544, section
// 26.2: at the throughput, 120 s, at least 20 times). Every packet is timed, not
// one of each trial.
func MeasureLatency(ctx context.Context, try Trial, pps float64, duration time.Duration, repeat int) (Latency, error) {
	l := Latency{PPS: pps}
	sum := 0.0
	for i := range repeat {
		o, err := try(ctx, trial.Load{PPS: pps, Duration: duration})
		if err != nil {
			return l, fmt.Errorf("latency at %.0f pps, trial %d: %w", pps, i+1, err)
		}
		if o.Latency.Count == 0 {
			return l, fmt.Errorf("latency at %.0f pps, trial %d: none of %d packets came back", pps, i+1, o.Sent())
		}
		l.Trials = append(l.Trials, o)
		sum += o.Latency.Mean
	}
	l.Mean = sum / float64(max(repeat, 1))
	return l, nil
}
