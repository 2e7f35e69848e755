// Package differential draws random frames, sends them through the kernel's own
// driver and through ipvd, and compares frame by frame what every port saw.
//
// Frames have the structure of real ones and are wrong in some place now and
// then; equal seeds give equal frames. Every frame is sent in every combination
// of mode and flag that it was drawn for, from the wire, the host or a slave,
// many at once (package volley). What listed differences (package compare) do
// not explain is sent again, alone, and if it remains it is shrunk to a minimal
// frame, which becomes a scenario for the other commands.
package differential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"ipvd/cmd/ipvconform/compare"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/volley"
)

// chunk is how many frames are under comparison at a time.
const chunk = 1000

// confirmations is how often a finding must show again, with the other findings
// alone.
const confirmations = 2

// Side answers volleys.
type Side interface {
	Fire(ctx context.Context, s scenario.Scenario, shots []volley.Shot) (volley.Answer, error)
}

// Run is a comparison of both sides.
type Run struct {
	Kernel, Ours Side
	Seed         uint64
	Frames       int     // in all combinations together
	Golden       *Golden // frames to send in place of random ones; nil: none
	Only         string  // the one combination to run, as l2-bridge; empty: all
	Shrink       int     // how many findings of a combination are shrunk, each of another sign
	Defaults     bool    // ipvd runs without --compat kernel
	// Progress is told how far the run is, and of each finding at once.
	Progress func(line string)
}

// Case is a finding that is confirmed, and shrunk unless there were too many.
type Case struct {
	Scenario scenario.Scenario
	Stimulus Stimulus
	Finding  compare.Finding
	Minimal  []byte // nil: not shrunk
}

// combinations is how many there are of mode and flag.
func combinations() int { return len(Modes()) * len(Flags()) }

// labOf is the lab of combination number i.
func labOf(i int) scenario.Scenario { return Lab(Modes()[i/len(Flags())], Flags()[i%len(Flags())]) }

// Do compares all combinations of mode and flag.
func (r *Run) Do(ctx context.Context) (*Record, error) {
	record := newRecord(r)
	for i := range combinations() {
		c := combination{run: r, ctx: ctx, s: labOf(i), record: record, signs: map[string]bool{}}
		n := r.Frames / combinations()
		if i < r.Frames%combinations() {
			n++
		}
		if r.Only != "" {
			if n = r.Frames; c.s.Name != r.Only {
				continue
			}
		}
		draw := NewGenerator(r.Seed, uint64(i)).Draw
		if r.Golden != nil {
			all := r.Golden.Stimuli(c.s.Name)
			draw, n = func(n int) []Stimulus { part := all[:n]; all = all[n:]; return part }, len(all)
		}
		if err := c.do(draw, n); err != nil {
			return record, fmt.Errorf("%s: %w", c.s.Name, err)
		}
		r.Progress(fmt.Sprintf("%s: %d frames, %d unexplained so far, %.1f s by the kernel's driver, %.1f s by ipvd", c.s.Name, n, record.Unexplained,
			record.KernelSeconds, record.OurSeconds))
	}
	return record, nil
}

// combination is one mode and flag of a run.
type combination struct {
	run    *Run
	ctx    context.Context
	s      scenario.Scenario
	record *Record
	signs  map[string]bool // of the cases that were shrunk
}

func (c *combination) do(draw func(n int) []Stimulus, n int) error {
	for ; n > 0; n -= chunk {
		stimuli := draw(min(n, chunk))
		for i := range stimuli {
			if c.run.Defaults {
				stimuli[i].Shot = ownMAC(stimuli[i].Shot)
			}
		}
		v, err := c.compare(shotsOf(stimuli))
		if err != nil {
			return err
		}
		c.record.count(c.s.Name, stimuli, v)
		if err := c.findings(stimuli, v); err != nil {
			return err
		}
	}
	return nil
}

func shotsOf(stimuli []Stimulus) (shots []volley.Shot) {
	for _, s := range stimuli {
		shots = append(shots, s.Shot)
	}
	return shots
}

// compare fires shots on both sides at once.
func (c *combination) compare(shots []volley.Shot) (v Verdict, err error) {
	var kernel, ours volley.Answer
	failed := make(chan error, 1)
	go func() {
		start := time.Now()
		var err error
		kernel, err = c.run.Kernel.Fire(c.ctx, c.s, shots)
		c.record.KernelSeconds += time.Since(start).Seconds()
		failed <- err
	}()
	start := time.Now()
	ours, err = c.run.Ours.Fire(c.ctx, c.s, shots)
	c.record.OurSeconds += time.Since(start).Seconds()
	if err := errors.Join(<-failed, err); err != nil {
		return v, err
	}
	for _, why := range kernel.Repeated {
		c.run.Progress("repeated by the kernel's driver: " + why)
	}
	for _, why := range ours.Repeated {
		c.run.Progress("repeated by ipvd: " + why)
	}
	c.record.Repeated += len(kernel.Repeated) + len(ours.Repeated)
	return judge(c.s, shots, kernel, ours, c.run.Defaults), nil
}

// findings confirms what is odd, and shrinks what is confirmed.
func (c *combination) findings(stimuli []Stimulus, v Verdict) error {
	for _, f := range v.Strays {
		c.record.add(Case{Scenario: c.s, Finding: f})
		c.run.Progress("unexplained: " + f.String())
	}
	odd := slices.Sorted(maps.Keys(v.Odd))
	for range confirmations {
		if len(odd) == 0 {
			return nil
		}
		var again []volley.Shot
		for _, i := range odd {
			again = append(again, stimuli[i].Shot)
		}
		w, err := c.compare(again)
		if err != nil {
			return err
		}
		var still []int
		for j, i := range odd {
			if len(w.Odd[j]) > 0 {
				still = append(still, i)
				v.Odd[i] = w.Odd[j]
			} else {
				c.run.Progress("vanished: " + v.Odd[i][0].String())
			}
		}
		c.record.Vanished += len(odd) - len(still)
		odd, v.Dropped = still, w.Dropped
	}
	if len(odd) > 0 && len(v.Dropped) > 0 {
		c.run.Progress(fmt.Sprintf("%s: with what remains ipvd has dropped: %v", c.s.Name, v.Dropped))
	}
	for _, i := range odd {
		if err := c.confirmed(stimuli[i], v.Odd[i][0]); err != nil {
			return err
		}
	}
	return nil
}

// confirmed takes a finding that remained.
func (c *combination) confirmed(s Stimulus, f compare.Finding) error {
	k := Case{Scenario: c.s, Stimulus: s, Finding: f}
	key := sign(f)
	if s.At != scenario.Wire && s.At != scenario.Host {
		key += " from a slave"
	} else {
		key += " from " + s.At
	}
	if key += " " + s.Kind; !c.signs[key] && len(c.signs) < c.run.Shrink {
		c.signs[key] = true
		var err error
		if k.Minimal, err = c.shrink(s.Shot, sign(f)); err != nil {
			return err
		}
	}
	c.record.add(k)
	c.run.Progress(k.Lines())
	return nil
}

// shrink gives the minimal frame that has a finding of this sign.
func (c *combination) shrink(s volley.Shot, want string) ([]byte, error) {
	return Shrink(s.Frame, func(candidates [][]byte) ([]bool, error) {
		var shots []volley.Shot
		for i, b := range candidates {
			shot := volley.Shot{At: s.At, Frame: b}
			if c.run.Defaults {
				shot = ownMAC(volley.Shot{At: s.At, Frame: bytes.Clone(b)}) // candidates share memory
				candidates[i] = shot.Frame
			}
			shots = append(shots, shot)
		}
		v, err := c.compare(shots)
		still := make([]bool, len(candidates))
		for i, all := range v.Odd {
			still[i] = slices.ContainsFunc(all, func(f compare.Finding) bool { return sign(f) == want })
		}
		return still, err
	})
}
