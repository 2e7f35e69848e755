package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/differential"
	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/subject"
	"ipvd/cmd/ipvconform/volley"
)

// differ runs the random comparison.
type differ struct {
	run    differential.Run
	bin    string // folder of ipvd, ipvctl and the guest's program
	record string // file that the record is added to; empty: none
	cases  string // folder that gets a scenario of each finding
	golden string // begins the names of files that get frames and the driver's answers, without a comparison
	limit  time.Duration
}

func differentialCmd() *cobra.Command {
	var d differ
	cmd := &cobra.Command{
		Use:   "differential",
		Short: "Send random frames through the kernel's driver and through ipvd, and compare; needs root",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			d.run.Progress = func(line string) { fmt.Fprintln(out, line) }
			record, err := d.do(cmd.Context())
			if err != nil || record == nil {
				return err
			}
			if err := d.keep(record); err != nil {
				return err
			}
			fmt.Fprint(out, record.Lines())
			if record.Unexplained > 0 {
				return errUnexplained
			}
			return nil
		},
	}
	cmd.Flags().Uint64Var(&d.run.Seed, "seed", 1, "the frames are those of this number")
	cmd.Flags().IntVar(&d.run.Frames, "frames", 20000, "how many frames, in all modes and with all flags together")
	cmd.Flags().IntVar(&d.run.Shrink, "shrink", 4, "how many findings of a mode and flag are shrunk, each of another sort")
	cmd.Flags().BoolVar(&d.run.Defaults, "defaults", false, "run ipvd without --compat kernel")
	cmd.Flags().StringVar(&d.bin, "bin", besideUs(""), "the folder of ipvd, ipvctl and ipvconform-guest")
	cmd.Flags().StringVar(&d.run.Only, "only", "", "the one mode and flag to run, as l2-bridge")
	cmd.Flags().StringVar(&d.record, "record", "", "add what was done and found to this file")
	cmd.Flags().StringVar(&d.cases, "cases", "", "write a scenario of each finding to this folder")
	cmd.Flags().StringVar(&d.golden, "golden", "", "only write the frames, and what the kernel's driver answers, to files whose names begin so")
	cmd.Flags().DurationVar(&d.limit, "limit", time.Hour, "how long it may take")
	return cmd
}

// do boots the guest, and runs.
func (d *differ) do(ctx context.Context) (record *differential.Record, err error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	bin, err := filepath.Abs(d.bin)
	if err != nil {
		return nil, err
	}
	kernel, err := differential.StartKernel(ctx, filepath.Join(bin, "ipvconform-guest"), d.limit)
	if err != nil {
		return nil, err
	}
	ours := d.daemon(bin)
	d.run.Kernel, d.run.Ours = kernel, ours
	if d.golden == "" {
		record, err = d.run.Do(ctx)
	} else {
		err = d.draw(ctx, kernel)
	}
	if err = errors.Join(err, ours.Close(), kernel.Close()); err != nil || record == nil {
		return nil, err
	}
	record.Seconds = float64(time.Since(start).Milliseconds()) / 1000
	record.Kernel = kernel.Release
	record.Version = version(bin)
	return record, nil
}

// daemon is ipvd as one side of the comparison.
func (d *differ) daemon(bin string) differential.Daemon {
	config := subject.Config{Bin: bin, Flags: []string{"--compat", "kernel"}}
	if d.run.Defaults {
		config.Flags = nil
	}
	return differential.Daemon{Gallery: &volley.Gallery{Driver: func() lab.Driver { return subject.New(config) }, Prefix: fmt.Sprintf("ipvf%d-", os.Getpid())}}
}

// draw writes frames and the kernel's answers to them, for runs without it.
func (d *differ) draw(ctx context.Context, kernel differential.Side) error {
	all, results, err := differential.DrawGolden(ctx, kernel, d.run.Seed, d.run.Frames/9)
	if err != nil {
		return err
	}
	return errors.Join(scenario.Save(d.golden+".scenarios.json.gz", all), scenario.Save(d.golden+".results.json.gz", results))
}

// version is what ipvd says of itself.
func version(bin string) string {
	out, err := exec.Command(filepath.Join(bin, "ipvd"), "--version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// keep writes the record, and a scenario of each finding.
func (d *differ) keep(r *differential.Record) error {
	for i, c := range r.Cases {
		if d.cases == "" || c.Stimulus.Frame == nil {
			continue
		}
		path := filepath.Join(d.cases, fmt.Sprintf("seed%d-%d.json", r.Seeds[0], i+1))
		if err := errors.Join(os.MkdirAll(d.cases, 0o755), scenario.Save(path, []scenario.Scenario{c.Repeat()})); err != nil {
			return err
		}
	}
	if d.record == "" {
		return nil
	}
	return r.Keep(d.record)
}
