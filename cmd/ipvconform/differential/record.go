package differential

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
)

// Record is what a run found. As JSON it is kept with the source.
type Record struct {
	Seeds    []uint64 `json:"seeds"`
	Frames   int      `json:"frames"`
	Defaults bool     `json:"defaults,omitempty"` // without --compat kernel
	// Sent are frames by combination, sender and kind.
	Sent map[string]map[string]map[string]int `json:"sent"`
	// Differences are frames by the id of a listed difference that explains
	// something in what they gave.
	Differences map[string]int `json:"differences"`
	Unexplained int            `json:"unexplained"`
	// Repeated are volleys that were fired again, since something was lost for
	// want of room, and Vanished findings that did not show again.
	Repeated int     `json:"repeated_volleys"`
	Vanished int     `json:"vanished_findings"`
	Seconds  float64 `json:"seconds"`
	// KernelSeconds and OurSeconds are how long each side took, at the same time.
	KernelSeconds float64 `json:"kernel_seconds"`
	OurSeconds    float64 `json:"ipvd_seconds"`
	Kernel        string  `json:"kernel,omitempty"` // release of the one whose driver answered
	Version       string  `json:"ipvd,omitempty"`
	Cases         []Case  `json:"-"`
}

func newRecord(r *Run) *Record {
	return &Record{Seeds: []uint64{r.Seed}, Defaults: r.Defaults, Sent: map[string]map[string]map[string]int{}, Differences: map[string]int{}}
}

// count takes what a chunk gave.
func (r *Record) count(name string, stimuli []Stimulus, v Verdict) {
	for _, s := range stimuli {
		r.send(name, s.At, s.Kind, 1)
	}
	r.Frames += len(stimuli)
	for id, n := range v.Listed {
		r.Differences[id] += n
	}
}

// send counts frames of a kind.
func (r *Record) send(name, at, kind string, n int) {
	if r.Sent[name] == nil {
		r.Sent[name] = map[string]map[string]int{}
	}
	if r.Sent[name][at] == nil {
		r.Sent[name][at] = map[string]int{}
	}
	r.Sent[name][at][kind] += n
}

func (r *Record) add(c Case) {
	r.Unexplained++
	r.Cases = append(r.Cases, c)
}

// Summary is the last line of a run.
func (r *Record) Summary() string {
	return fmt.Sprintf("differential: seed %s, %d frames, %d listed differences, %d unexplained", strings.Trim(fmt.Sprint(r.Seeds), "[]"), r.Frames, len(r.Differences), r.Unexplained)
}

// Lines are the record in full.
func (r *Record) Lines() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(r.Differences)) {
		fmt.Fprintf(&b, "%s: %d frames\n", id, r.Differences[id])
	}
	fmt.Fprintf(&b, "%d volleys repeated, %d findings vanished, %.0f s\n%s\n", r.Repeated, r.Vanished, r.Seconds, r.Summary())
	return b.String()
}

// Lines say what a case is: the finding, and the frame.
func (c Case) Lines() string {
	b := c.Stimulus.Frame
	word := c.Stimulus.Kind
	if c.Minimal != nil {
		b, word = c.Minimal, "minimal"
	}
	return fmt.Sprintf("unexplained: %s from %s: %s\n  %s: %s\n  %x", c.Finding.Scenario, c.Stimulus.At, c.Finding, word, Decode(b), b)
}

// Repeat is a scenario that shows the case with the other commands.
func (c Case) Repeat() scenario.Scenario {
	s, b := c.Scenario, c.Stimulus.Frame
	if c.Minimal != nil {
		b = c.Minimal
	}
	s.Steps = []scenario.Step{{ID: "minimal", At: c.Stimulus.At, Hex: scenario.Frames{b}}}
	return s
}

// Merge adds what another run found, with other seeds.
func (r *Record) Merge(o *Record) error {
	for _, seed := range o.Seeds {
		if slices.Contains(r.Seeds, seed) {
			return fmt.Errorf("seed %d is in the record already", seed)
		}
	}
	if r.Defaults != o.Defaults {
		return errors.New("the record is of runs with other flags of ipvd")
	}
	for name, senders := range o.Sent {
		for at, kinds := range senders {
			for kind, n := range kinds {
				r.send(name, at, kind, n)
			}
		}
	}
	for id, n := range o.Differences {
		r.Differences[id] += n
	}
	r.Seeds = append(r.Seeds, o.Seeds...)
	r.Frames += o.Frames
	r.Unexplained += o.Unexplained
	r.Repeated += o.Repeated
	r.Vanished += o.Vanished
	r.Seconds += o.Seconds
	r.KernelSeconds += o.KernelSeconds
	r.OurSeconds += o.OurSeconds
	r.Kernel, r.Version = o.Kernel, o.Version
	return nil
}

// Keep adds the record to the file of that name, which need not be there yet.
func (r *Record) Keep(path string) error {
	all := r
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		all = newRecord(&Run{})
		all.Seeds = nil
		if err = json.Unmarshal(b, all); err == nil {
			err = all.Merge(r)
		}
		if err != nil {
			return fmt.Errorf("add to %s: %w", path, err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	if b, err = json.MarshalIndent(all, "", "\t"); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
