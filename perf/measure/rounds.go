// Package measure compares variants of a program on a machine where others run
// too: variants take turns, work is counted by CPU time of the thread that does
// it, and only ratios within one round count.
package measure

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNoisy: the machine changed its speed while variants were compared.
var ErrNoisy = errors.New("the machine is too noisy")

// MaxSpread is how many times as fast as in its slowest round the first variant
// may be in its fastest.
const MaxSpread = 1.3

// Sample is work done in CPU time.
type Sample struct {
	Work uint64 // packets, lookups, polls
	CPU  time.Duration
}

// Rate is the work in millions per CPU-second.
func (s Sample) Rate() float64 { return float64(s.Work) * 1e3 / float64(s.CPU) }

// Cost is the CPU time for one piece of work, in nanoseconds.
func (s Sample) Cost() float64 { return float64(s.CPU) / float64(s.Work) }

// Variant is one of the programs that are compared.
type Variant struct {
	Name string
	Run  func() (Sample, error) // one turn
}

// Stat is the median of the rounds with the least and the largest.
type Stat struct{ Median, Min, Max float64 }

// Rounds are the samples of an interleaved run, by round and variant.
type Rounds [][]Sample

// Interleave lets the variants take turns for so many rounds, after one that
// does not count. An error names the variant.
func Interleave(rounds int, variants ...Variant) (Rounds, error) {
	var all Rounds
	for range rounds + 1 {
		one, err := Once(variants...)
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all[1:], nil
}

// Once is a single round, for a look at what takes long.
func Once(variants ...Variant) (Rounds, error) {
	round := make([]Sample, len(variants))
	for k, v := range variants {
		s, err := v.Run()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		if s.Work == 0 || s.CPU <= 0 {
			return nil, fmt.Errorf("%s: %d done in %v of CPU time", v.Name, s.Work, s.CPU)
		}
		round[k] = s
	}
	return Rounds{round}, nil
}

// Quiet is Interleave, repeated at most tries times until the first variant's
// rates are within MaxSpread. It fails with ErrNoisy when they never are.
func Quiet(tries, rounds int, variants ...Variant) (Rounds, error) {
	var spread float64
	for range tries {
		all, err := Interleave(rounds, variants...)
		if err != nil {
			return nil, err
		}
		if spread = all.Spread(0); spread <= MaxSpread {
			return all, nil
		}
	}
	return nil, fmt.Errorf("%s: fastest round %.2f times the slowest, %d times over: %w",
		variants[0].Name, spread, tries, ErrNoisy)
}

// Spread is the fastest round of variant v over its slowest.
func (r Rounds) Spread(v int) float64 {
	s := r.Rate(v)
	return s.Max / s.Min
}

// Rate is variant v's rate.
func (r Rounds) Rate(v int) Stat {
	return r.Each(func(round []Sample) float64 { return round[v].Rate() })
}

// Ratio is variant v's rate over that of w.
func (r Rounds) Ratio(v, w int) Stat {
	return r.Each(func(round []Sample) float64 { return round[v].Rate() / round[w].Rate() })
}

// Each is a number of every round.
func (r Rounds) Each(f func(round []Sample) float64) Stat {
	all := make([]float64, len(r))
	for i, round := range r {
		all[i] = f(round)
	}
	return Of(all)
}

// Of is the Stat of numbers, at least one of which there must be.
func Of(numbers []float64) Stat {
	all := slices.Sorted(slices.Values(numbers))
	n := len(all)
	return Stat{Median: (all[(n-1)/2] + all[n/2]) / 2, Min: all[0], Max: all[n-1]}
}
