package report

import (
	"math"
	"strconv"
)

// Axis is a scale of a chart.
type Axis struct {
	Label string
	Log   bool
	// Ticks are positions with what stands there; nil: round numbers.
	Ticks []Tick
}

// Tick is a mark on an axis.
type Tick struct {
	At   float64
	Text string
}

// scale maps values of an axis to pixels.
type scale struct {
	low, high float64 // of the values, or of their logarithms
	from, to  float64 // pixels
	log       bool
}

// at is the pixel of v.
func (s scale) at(v float64) float64 {
	if s.log {
		v = math.Log10(math.Max(v, math.Pow(10, s.low)))
	}
	return s.from + (v-s.low)/(s.high-s.low)*(s.to-s.from)
}

// fit makes a scale for values up to high, from 0 or, on a logarithmic axis,
// from low, and gives its ticks.
func (a Axis) fit(low, high, from, to float64) (scale, []Tick) {
	s := scale{from: from, to: to, log: a.Log}
	if a.Log {
		s.low = math.Floor(math.Log10(math.Max(low, 1e-3)))
		s.high = math.Max(math.Ceil(math.Log10(math.Max(high, 1e-3))), s.low+1)
		var ticks []Tick
		for e := s.low; e <= s.high; e++ {
			ticks = append(ticks, Tick{math.Pow(10, e), number(math.Pow(10, e))})
		}
		return s, ticks
	}
	if a.Ticks != nil {
		s.high = math.Max(high, a.Ticks[0].At)
		return s, a.Ticks
	}
	step := roundStep(high / 5)
	s.high = math.Max(math.Ceil(high/step-1e-9), 1) * step
	var ticks []Tick
	for i := 0.0; i*step <= s.high+step/2; i++ {
		ticks = append(ticks, Tick{i * step, number(i * step)})
	}
	return s, ticks
}

// roundStep is 1, 2 or 5 times a power of ten, not below v.
func roundStep(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// number writes v without the noise of floating point.
func number(v float64) string {
	if math.Abs(v) >= 1e5 && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}
