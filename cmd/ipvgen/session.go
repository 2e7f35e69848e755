package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/cmd/ipvgen/internal/report"
	"ipvd/cmd/ipvgen/internal/rfc2544"
	"ipvd/cmd/ipvgen/internal/trial"
)

// session is a command's work between opening ports and writing results.
type session struct {
	ports   *portFlags
	traffic *trafficFlags
	output  *outputFlags

	rig      *rig
	doc      report.Document
	progress *progress
}

// newSession adds the flags that all tests share to cmd and to the commands
// below it.
func newSession(cmd *cobra.Command) *session {
	s := &session{ports: newPortFlags(), traffic: newTrafficFlags(), output: newOutputFlags()}
	f := cmd.PersistentFlags()
	f.SortFlags = false
	f.AddFlagSet(s.ports.set)
	f.AddFlagSet(s.traffic.set)
	f.AddFlagSet(s.output.set)
	return s
}

// do opens the ports, does the work and writes what it found, even when it ended
// early.
func (s *session) do(cmd *cobra.Command, args []string, needTx bool, work func(ctx context.Context) error) error {
	if err := onlyEAL(cmd, args); err != nil {
		return err
	}
	if err := s.ports.check(needTx); err != nil {
		return err
	}
	if err := s.output.check(); err != nil {
		return err
	}
	s.ports.eal = args
	rig, err := openRig(cmd.Context(), s.ports)
	if err != nil {
		return err
	}
	s.rig, s.progress = rig, newProgress(os.Stderr, cmd.Name())
	s.doc = newDocument(rig, s.ports, s.traffic.String())
	err = work(cmd.Context())
	errs := []error{err, rig.close()}
	if len(s.doc.Sections()) > 0 {
		errs = append(errs, s.output.write(s.doc, cmd.OutOrStdout()))
	}
	return errors.Join(errs...)
}

// run runs one trial. When ctx ends, it ends early.
func (s *session) run(ctx context.Context, traffic profile.Traffic, size string, l trial.Load) (trial.Outcome, error) {
	s.progress.begin(size, l)
	defer s.progress.end()
	s.rig.bench.Progress = func(now trial.Progress) { s.progress.show(l, now) }
	o, err := s.rig.bench.Do(ctx, traffic, l)
	if errors.Is(err, trial.ErrTooLong) {
		err = fmt.Errorf("%w: raise --mtu", err)
	}
	return o, err
}

// try makes trials of traffic, whose outcome is void when ctx has ended.
func (s *session) try(traffic profile.Traffic, size string) rfc2544.Trial {
	return func(ctx context.Context, l trial.Load) (trial.Outcome, error) {
		o, err := s.run(ctx, traffic, size, l)
		if err == nil {
			err = ctx.Err()
		}
		return o, err
	}
}
