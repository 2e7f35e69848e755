package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
)

// recorder runs scenarios on the kernel's driver.
type recorder struct {
	guest guest
	where string
	track track
}

func recordCmd() *cobra.Command {
	var r recorder
	cmd := &cobra.Command{
		Use:   "record SCENARIOS RESULTS",
		Short: "Run scenarios on the kernel's driver and write what it answers; needs root",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := scenario.Load[scenario.Scenario](args[0])
			if err != nil {
				return err
			}
			r.track.results = args[1]
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
	r.guest.flags(cmd)
	r.track.flags(cmd)
	cmd.Flags().StringVar(&r.where, "where", inUML, "whose driver: here (the running kernel's) or uml (that of user-mode Linux)")
	return cmd
}

// record runs scenarios one after the other.
func (r recorder) record(ctx context.Context, all []scenario.Scenario) ([]scenario.Result, error) {
	switch r.where {
	case here:
		return r.track.run(all, func(s scenario.Scenario, prefix string) scenario.Result {
			return lab.Run(s, r.track.driver(lab.Kernel{}, s), prefix)
		})
	case inUML:
		return r.guest.run(ctx, order{words: []string{"record"}}, all)
	}
	return nil, fmt.Errorf("--where %s: want %s or %s", r.where, here, inUML)
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

// track is for whoever watches a run from outside: it says in a file what is
// being done, and keeps the results so far.
type track struct {
	position string // path; empty: nobody watches
	results  string // path
}

func (t *track) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.position, "position", "", "a file that says which step is being done; results are written after every scenario")
}

// run runs scenarios with f, in namespaces whose names begin with a prefix of
// this process.
func (t track) run(all []scenario.Scenario, f func(s scenario.Scenario, prefix string) scenario.Result) (results []scenario.Result, err error) {
	for i, s := range all {
		results = append(results, f(s, fmt.Sprintf("ipvc%d-%d-", os.Getpid(), i)))
		if t.position == "" {
			continue
		}
		if err := scenario.Save(t.results, results); err != nil {
			return results, err
		}
	}
	return results, nil
}

// driver is d that says where it is.
func (t track) driver(d lab.Driver, s scenario.Scenario) lab.Driver {
	if t.position == "" {
		return d
	}
	return tracked{d, t.position, s.Name}
}

// tracked is a lab.Watcher.
type tracked struct {
	lab.Driver
	path, scenario string
}

// At writes what is being done. A file that cannot be written is not worth a
// run.
func (t tracked) At(step string) {
	_ = os.WriteFile(t.path, []byte("scenario "+t.scenario+", "+step), 0o644)
}
