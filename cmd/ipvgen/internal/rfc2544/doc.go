// Package rfc2544 holds the tests of RFC 2544, sections 26.1 to 26.4, and the
// reset time of RFC 6201: which trials to run, and what their outcomes mean. It
// sends nothing itself.
package rfc2544

import (
	"context"

	"ipvd/cmd/ipvgen/internal/trial"
)

// Trial runs a load against the device under test. An error ends the test.
type Trial func(ctx context.Context, l trial.Load) (trial.Outcome, error)

// passed reports whether an outcome's loss is within tolerance, a share from 0
// to 1.
func passed(o trial.Outcome, tolerance float64) bool { return o.Loss() <= tolerance }
