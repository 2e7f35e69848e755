package rfc2544

import (
	"context"
	"fmt"

	"ipvd/cmd/ipvgen/internal/trial"
)

// LossRates offers s.Max, then a share step of it less each time, until two
// trials in a row lose no more than the tolerance (RFC 2544, section 26.3).
// s.Resolution plays no part.
func LossRates(ctx context.Context, try Trial, s Search, step float64) ([]trial.Outcome, error) {
	var all []trial.Outcome
	clean := 0
	for i := 0; clean < 2; i++ {
		share := 1 - float64(i)*step
		if share < step/2 {
			break
		}
		o, err := try(ctx, trial.Load{PPS: s.Max * share, Duration: s.Duration})
		if err != nil {
			return all, fmt.Errorf("frame loss at %.0f pps: %w", s.Max*share, err)
		}
		all = append(all, o)
		if clean++; !passed(o, s.Tolerance) {
			clean = 0
		}
	}
	return all, nil
}
