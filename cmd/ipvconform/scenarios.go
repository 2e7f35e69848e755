package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/devices"
	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

// set is scenarios that belong together.
type set struct {
	name, about string
	scenarios   func() []scenario.Scenario
}

func sets() []set {
	return []set{
		{"matrix", "every stimulus in every mode and with every flag", matrix.Scenarios},
		{"devices", "the master with VLAN, dummy, VRF and macvlan interfaces", devices.Scenarios},
	}
}

func scenariosCmd() *cobra.Command {
	name := "matrix"
	cmd := &cobra.Command{
		Use:   "scenarios FILE",
		Short: "Write a set of scenarios",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.IndexFunc(sets(), func(s set) bool { return s.name == name })
			if i < 0 {
				return fmt.Errorf("--set %s: there is none of that name: %s", name, described())
			}
			all, steps := sets()[i].scenarios(), 0
			if err := scenario.Save(args[0], all); err != nil {
				return err
			}
			for _, s := range all {
				steps += len(s.Steps)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d scenarios, %d steps\n", args[0], len(all), steps)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "set", name, described())
	return cmd
}

// described is what each set is.
func described() string {
	var lines []string
	for _, s := range sets() {
		lines = append(lines, s.name+" ("+s.about+")")
	}
	return strings.Join(lines, ", ")
}
