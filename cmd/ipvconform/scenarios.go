package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

func scenariosCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "scenarios FILE",
		Short: "Write the scenarios of the matrix: every stimulus in every mode and with every flag",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all := matrix.Scenarios()
			if err := scenario.Save(args[0], all); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d scenarios of %d steps\n", args[0], len(all), len(all[0].Steps))
			return nil
		},
	}
}
