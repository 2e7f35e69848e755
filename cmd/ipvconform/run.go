package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/subject"
)

// Where scenarios run.
const (
	auto  = "auto" // here, if the kernel has what the scenario needs
	here  = "here"
	inUML = "uml"
)

// runner runs scenarios on ipvd.
type runner struct {
	config subject.Config
	guest  guest
	track  track
	where  string
	only   string // name of the one scenario to run; empty: all
	wait   int    // quiet time after a step, in milliseconds, unless a scenario says
}

func runCmd() *cobra.Command {
	var r runner
	cmd := &cobra.Command{
		Use:   "run SCENARIOS RESULTS [-- FLAGS]",
		Short: "Run scenarios on ipvd, started with FLAGS, and write what it answers; needs root",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := scenario.Load[scenario.Scenario](args[0])
			if err != nil {
				return err
			}
			r.config.Flags, r.track.results = args[2:], args[1]
			results, err := r.run(cmd.Context(), cmd.ErrOrStderr(), all)
			if err != nil {
				return err
			}
			if err := scenario.Save(args[1], results); err != nil {
				return err
			}
			return summary(cmd, args[1], results)
		},
	}
	r.guest.flags(cmd)
	r.track.flags(cmd)
	cmd.Flags().StringVar(&r.where, "where", auto, "here (on the running kernel), uml (in user-mode Linux), or auto: here if the kernel has\nthe types of interface that the scenario makes")
	cmd.Flags().StringVar(&r.config.Bin, "bin", besideUs(""), "the folder of ipvd and ipvctl")
	cmd.Flags().StringVar(&r.only, "only", "", "run the scenario of this name alone")
	cmd.Flags().IntVar(&r.wait, "wait", 40, "milliseconds without a frame that end a step")
	return cmd
}

// run runs scenarios and gives the results in their order. It tells log what
// runs elsewhere.
func (r runner) run(ctx context.Context, log io.Writer, all []scenario.Scenario) ([]scenario.Result, error) {
	var wanted, native, guests []scenario.Scenario
	for _, s := range all {
		if r.only == "" || s.Name == r.only {
			wanted = append(wanted, s)
		}
	}
	for _, s := range wanted {
		lacks, err := r.lacks(s)
		switch {
		case err != nil:
			return nil, err
		case lacks == "":
			native = append(native, s)
		default:
			fmt.Fprintf(log, "scenario %s: in user-mode Linux%s\n", s.Name, lacks)
			guests = append(guests, s)
		}
	}
	results, err := r.here(native)
	if err != nil {
		return nil, err
	}
	return inOrder(wanted, append(results, r.inUML(ctx, guests)...)), nil
}

// lacks says why a scenario cannot run here; empty if it can.
func (r runner) lacks(s scenario.Scenario) (string, error) {
	switch r.where {
	case here:
		return "", nil
	case inUML:
		return ", as asked for", nil
	case auto:
		missing, err := lab.Missing(s)
		if err != nil || len(missing) == 0 {
			return "", err
		}
		return ": this kernel has no interface of type " + strings.Join(missing, ", "), nil
	}
	return "", fmt.Errorf("--where %s: want %s, %s or %s", r.where, auto, here, inUML)
}

func (r runner) here(all []scenario.Scenario) ([]scenario.Result, error) {
	return r.track.run(all, func(s scenario.Scenario, prefix string) scenario.Result {
		if s.WaitMS == 0 {
			s.WaitMS = r.wait
		}
		result := lab.Run(s, r.track.driver(subject.New(r.config), s), prefix)
		result.Subject = "ipvd"
		return result
	})
}

// inUML runs scenarios in one guest. What it did not come to has the reason as
// its result's error.
func (r runner) inUML(ctx context.Context, all []scenario.Scenario) []scenario.Result {
	if len(all) == 0 {
		return nil
	}
	bin, err := filepath.Abs(r.config.Bin)
	var results []scenario.Result
	if err == nil {
		results, err = r.guest.run(ctx, order{
			words: []string{"run", "--bin", "/mnt/bin", "--wait", strconv.Itoa(r.wait)}, rest: r.config.Flags, folders: map[string]string{"bin": bin},
		}, all)
	}
	for _, s := range all[len(results):] {
		results = append(results, scenario.Result{Name: s.Name, Mode: s.Mode, Flag: s.FlagWord(), Subject: "ipvd", Error: err.Error()})
		err = errors.New("not begun, since the guest has ended before")
	}
	return results
}

// inOrder sorts results as the scenarios are.
func inOrder(scenarios []scenario.Scenario, results []scenario.Result) []scenario.Result {
	sorted := make([]scenario.Result, 0, len(results))
	for _, s := range scenarios {
		for _, r := range results {
			if r.Name == s.Name {
				sorted = append(sorted, r)
				break
			}
		}
	}
	return sorted
}
