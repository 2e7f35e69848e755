package rfc2544

import (
	"context"
	"fmt"

	"ipvd/cmd/ipvgen/internal/trial"
)

// Burst says how to look for the longest burst.
type Burst struct {
	PPS       float64 // of the packets in a burst: the line's
	Max       uint64  // longest burst to try; RFC 2544, section 26.4: 2 s of the line
	Tolerance float64 // loss that still passes, as a share
	Repeat    int     // times to look; the RFC asks for 50
}

// BackToBack is the longest burst that a device takes without loss.
type BackToBack struct {
	Frames float64  `json:"frames"` // mean of Found
	Found  []uint64 `json:"found"`  // of each repetition
	Trials int      `json:"trials"`
	// Limited says that the longest burst to try passed: the device may take
	// longer ones.
	Limited bool `json:"limited_by_max,omitempty"`
}

// burstShare is how close a burst's length is looked for: a hundredth of it.
const burstShare = 100

// FindBurst looks for the longest burst by halving, and takes the mean of some
// times.
func FindBurst(ctx context.Context, try Trial, b Burst) (BackToBack, error) {
	var r BackToBack
	sum := uint64(0)
	for range b.Repeat {
		low, high, n := uint64(0), b.Max, b.Max
		for low < high && high-low > low/burstShare {
			o, err := try(ctx, trial.Load{PPS: b.PPS, Count: n})
			if err != nil {
				return r, fmt.Errorf("back-to-back burst of %d: %w", n, err)
			}
			r.Trials++
			if passed(o, b.Tolerance) {
				low = n
			} else {
				high = n - 1
			}
			n = (low + high + 1) / 2
		}
		r.Limited = r.Limited || low == b.Max
		r.Found = append(r.Found, low)
		sum += low
	}
	r.Frames = float64(sum) / float64(max(len(r.Found), 1))
	return r, nil
}
