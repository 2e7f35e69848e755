package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvgen/internal/pace"
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/cmd/ipvgen/internal/report"
	"ipvd/cmd/ipvgen/internal/rfc2544"
	"ipvd/cmd/ipvgen/internal/trial"
)

// resetFlags are those of the reset test.
type resetFlags struct {
	command  string
	after    time.Duration
	duration time.Duration
	rate     pace.Rate
	sizes    profile.Sizes
}

func resetCmd() *cobra.Command {
	var r resetFlags
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Measure how long the device does not forward when it is reset (RFC 6201)",
		Long:  `reset offers a load, runs --command, and tells how long nothing came back.`,
	}
	s := newSession(cmd)
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&r.command, "command", "", "shell command that resets the device (required)")
	f.DurationVar(&r.after, "after", 2*time.Second, "when to reset, from the start of the load")
	f.DurationVar(&r.duration, "duration", 20*time.Second, "of the load: long enough for the device to come back")
	f.Var(flag(&r.rate, "100kpps", "RATE", pace.ParseRate), "rate", "of the load, below the device's throughput: the higher, the more exact")
	f.Var(flag(&r.sizes, "64", "SIZES", profile.ParseSizes), "sizes", "frame sizes with FCS")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := r.check(); err != nil {
			return err
		}
		return s.do(cmd, args, true, func(ctx context.Context) error { return r.run(ctx, s) })
	}
	return cmd
}

func (r *resetFlags) check() error {
	switch {
	case r.command == "":
		return errors.New("--command is missing: how is the device reset?")
	case r.after < 0 || r.duration <= r.after:
		return fmt.Errorf("--duration %v is not longer than --after %v", r.duration, r.after)
	case r.rate == pace.Max():
		return errors.New("--rate max: the test needs a number")
	}
	return nil
}

func (r *resetFlags) run(ctx context.Context, s *session) error {
	tr, err := s.traffic.traffic(s.rig, r.sizes)
	if err != nil {
		return err
	}
	load := trial.Load{PPS: r.rate.PPS(s.ports.line, tr.MeanSize()), Duration: r.duration}
	found, err := rfc2544.MeasureReset(ctx, s.try(tr, r.sizes.String()), load, r.after, shell(r.command))
	if err == nil {
		s.doc.Resets = append(s.doc.Resets, report.Reset{Size: r.sizes.String(), Reset: found})
	}
	return err
}

// shell runs a command line; what it prints goes to standard error.
func shell(line string) func(context.Context) error {
	return func(ctx context.Context) error {
		c := exec.CommandContext(ctx, "sh", "-c", line)
		c.Stdout, c.Stderr = os.Stderr, os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("run %q: %w", line, err)
		}
		return nil
	}
}
