package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/uml"
)

// recorder boots the kernel's driver.
type recorder struct {
	guest string // program that runs in the guest
	limit time.Duration
}

func recordCmd() *cobra.Command {
	var r recorder
	cmd := &cobra.Command{
		Use:   "record SCENARIOS RESULTS",
		Short: "Run scenarios on the kernel's driver, in user-mode Linux, and write what it answers",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := scenario.Load[scenario.Scenario](args[0])
			if err != nil {
				return err
			}
			results, err := r.record(cmd.Context(), all)
			if err != nil {
				return err
			}
			if err := scenario.Save(args[1], results); err != nil {
				return err
			}
			return summary(cmd, args[1], results)
		},
	}
	cmd.Flags().StringVar(&r.guest, "guest", besideUs("ipvconform-guest"), "the program that runs in the guest")
	cmd.Flags().DurationVar(&r.limit, "limit", 10*time.Minute, "how long the guest may take")
	return cmd
}

// besideUs is a program in the folder of this one.
func besideUs(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}

// record runs scenarios in one guest, one after the other.
func (r recorder) record(ctx context.Context, all []scenario.Scenario) ([]scenario.Result, error) {
	guest, err := filepath.Abs(r.guest)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(guest); err != nil {
		return nil, fmt.Errorf("guest program: %w: build it with CGO_ENABLED=0 go build -o %s ./cmd/ipvconform/guest", err, guest)
	}
	dir, err := os.MkdirTemp("", "ipvconform-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := scenario.Save(filepath.Join(dir, "scenarios.json"), all); err != nil {
		return nil, err
	}
	console, err := uml.Run(ctx, uml.Guest{Init: guest, Args: []string{dir}, Dir: dir, Limit: r.limit})
	if err != nil {
		return nil, err
	}
	if said, err := os.ReadFile(filepath.Join(dir, "error.txt")); err == nil {
		return nil, fmt.Errorf("guest: %s", said)
	}
	results, err := scenario.Load[scenario.Result](filepath.Join(dir, "results.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("guest: no results; its console:\n%s", console)
	}
	return results, err
}

// summary says what came of each scenario, and fails if one ended early.
func summary(cmd *cobra.Command, path string, results []scenario.Result) (err error) {
	for _, r := range results {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s: %d steps in %.1f s\n", path, r.Name, len(r.Steps), r.TotalS)
		if r.Error != "" {
			err = errors.Join(err, fmt.Errorf("scenario %s: %s", r.Name, r.Error))
		}
	}
	return err
}
