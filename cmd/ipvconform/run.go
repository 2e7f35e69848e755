package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/subject"
)

// runner runs scenarios on ipvd.
type runner struct {
	config subject.Config
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
			r.config.Flags = args[2:]
			results := r.run(all)
			if err := scenario.Save(args[1], results); err != nil {
				return err
			}
			return summary(cmd, args[1], results)
		},
	}
	cmd.Flags().StringVar(&r.config.Bin, "bin", besideUs(""), "the folder of ipvd and ipvctl")
	cmd.Flags().StringVar(&r.only, "only", "", "run the scenario of this name alone")
	cmd.Flags().IntVar(&r.wait, "wait", 40, "milliseconds without a frame that end a step")
	return cmd
}

func (r runner) run(all []scenario.Scenario) (results []scenario.Result) {
	for i, s := range all {
		if r.only != "" && s.Name != r.only {
			continue
		}
		if s.WaitMS == 0 {
			s.WaitMS = r.wait
		}
		result := lab.Run(s, subject.New(r.config), fmt.Sprintf("ipvc%d-%d-", os.Getpid(), i))
		result.Subject = "ipvd"
		results = append(results, result)
	}
	return results
}
