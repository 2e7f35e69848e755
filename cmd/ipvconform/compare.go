package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/compare"
	"ipvd/cmd/ipvconform/scenario"
)

// errUnexplained is for answers that no listed difference explains.
var errUnexplained = errors.New("ipvd differs from the kernel's driver in ways that are not listed")

func compareCmd() *cobra.Command {
	var defaults bool
	cmd := &cobra.Command{
		Use:   "compare SCENARIOS KERNEL IPVD",
		Short: "Compare ipvd's results with the driver's; exit status 0 if listed differences explain all",
		Args:  cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			scenarios, err := scenario.Load[scenario.Scenario](args[0])
			if err != nil {
				return err
			}
			kernel, err := scenario.Load[scenario.Result](args[1])
			if err != nil {
				return err
			}
			ours, err := scenario.Load[scenario.Result](args[2])
			if err != nil {
				return err
			}
			report := compare.Results(scenarios, kernel, ours, defaults)
			fmt.Fprint(cmd.OutOrStdout(), report.Lines())
			if len(report.Unexplained) > 0 {
				return errUnexplained
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&defaults, "defaults", false, "ipvd ran without --compat kernel")
	return cmd
}
