package pace

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rate is how fast to send, as a user says it: packets per second, a share of
// the line, or as fast as possible. The zero value is invalid.
type Rate struct {
	pps     float64
	percent float64
	max     bool
}

// Max is the rate of a sender that never waits.
func Max() Rate { return Rate{max: true} }

// ParseRate reads `1.5Mpps`, `1000` (pps), `40%` of the line, or `max`.
func ParseRate(s string) (Rate, error) {
	if s == "max" {
		return Max(), nil
	}
	if n, ok := strings.CutSuffix(s, "%"); ok {
		v, err := positive(n)
		if err != nil || v > 100 {
			return Rate{}, fmt.Errorf("rate %q: want a share of the line from above 0%% to 100%%", s)
		}
		return Rate{percent: v}, nil
	}
	n, unit := strings.TrimSuffix(s, "pps"), 1.0
	for suffix, factor := range map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if rest, ok := strings.CutSuffix(n, suffix); ok {
			n, unit = rest, factor
			break
		}
	}
	v, err := positive(n)
	if err != nil || v*unit > 1e9 {
		return Rate{}, fmt.Errorf("rate %q: want packets per second such as 1.5Mpps, 20kpps or 500, a share of the line such as 40%%, or max", s)
	}
	return Rate{pps: v * unit}, nil
}

// PPS is the rate in packets per second over line, for frames of the given mean
// size with FCS; +Inf for the rate max.
func (r Rate) PPS(line Line, frame float64) float64 {
	switch {
	case r.max:
		return math.Inf(1)
	case r.percent > 0:
		return line.PPS(frame) * r.percent / 100
	}
	return r.pps
}

// String writes the rate as ParseRate reads it.
func (r Rate) String() string {
	switch {
	case r.max:
		return "max"
	case r.percent > 0:
		return strconv.FormatFloat(r.percent, 'g', -1, 64) + "%"
	}
	return strconv.FormatFloat(r.pps, 'f', -1, 64) + "pps"
}

// Line is the speed of an Ethernet line in bits per second.
type Line float64

// overhead is what a frame takes on the line beyond its bytes: preamble, start
// of frame and the least gap (IEEE 802.3, 4.4.2).
const overhead = 20

// ParseLine reads a speed such as `10G`, `2.5G` or `100M`.
func ParseLine(s string) (Line, error) {
	for suffix, factor := range map[string]float64{"M": 1e6, "G": 1e9} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			if v, err := positive(n); err == nil && v*factor <= 1e13 {
				return Line(v * factor), nil
			}
		}
	}
	return 0, fmt.Errorf("line speed %q: want bits per second such as 10G or 100M", s)
}

// PPS is the most frames of the given size, FCS included, that the line carries
// in a second.
func (l Line) PPS(frame float64) float64 { return float64(l) / ((frame + overhead) * 8) }

// String writes the speed as ParseLine reads it.
func (l Line) String() string {
	if l < 1e9 {
		return strconv.FormatFloat(float64(l)/1e6, 'g', -1, 64) + "M"
	}
	return strconv.FormatFloat(float64(l)/1e9, 'g', -1, 64) + "G"
}

func positive(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, err
	}
	if !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not above 0", s)
	}
	return v, nil
}
