package rfc2544

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ipvd/cmd/ipvgen/internal/trial"
)

// Reset is how long a device does not forward when it is reset (RFC 6201).
type Reset struct {
	// ByLoss is the number of packets that did not arrive over the rate at which
	// they were offered (RFC 6201, section 4.2, frame-loss method), in seconds.
	ByLoss float64 `json:"by_loss_seconds"`
	// ByGap is the longest time between two arrivals (timestamp method).
	ByGap   float64       `json:"by_gap_seconds"`
	Outcome trial.Outcome `json:"outcome"`
}

// ErrNoRecovery says that the device forwarded nothing any more when the trial
// ended.
var ErrNoRecovery = errors.New("the device did not recover within the trial")

// MeasureReset offers l, which must last long enough for the device to come
// back, and calls reset when the given time is over.
func MeasureReset(ctx context.Context, try Trial, l trial.Load, after time.Duration, reset func(context.Context) error) (Reset, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		select {
		case <-ctx.Done():
			failed <- ctx.Err()
		case <-time.After(after):
			err := reset(ctx)
			if err != nil {
				cancel()
			}
			failed <- err
		}
	}()
	o, err := try(ctx, l)
	if err != nil {
		cancel()
	}
	switch resetErr := <-failed; {
	case resetErr != nil && !errors.Is(resetErr, context.Canceled):
		return Reset{}, fmt.Errorf("reset the device: %w", resetErr)
	case err != nil:
		return Reset{}, err
	case resetErr != nil:
		return Reset{}, resetErr
	}
	r := Reset{ByGap: float64(o.LongestGap) / 1e9, Outcome: o}
	if pps := o.OfferedPPS(); pps > 0 {
		r.ByLoss = float64(o.Offered-min(o.Offered, o.Received)) / pps
	}
	if o.Silence > o.LongestGap {
		return r, fmt.Errorf("%w: %d of %d packets arrived", ErrNoRecovery, o.Received, o.Offered)
	}
	return r, nil
}
