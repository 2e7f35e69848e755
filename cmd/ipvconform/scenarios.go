package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/sets"
)

func scenariosCmd() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "scenarios FILE",
		Short: "Write the scenarios of a set, the matrix unless another is named",
		Long:  "Write the scenarios of a set:\n" + listOfSets(),
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.IndexFunc(sets.All(), func(s sets.Set) bool { return s.Name == name })
			if i < 0 {
				return fmt.Errorf("--set %q is none of the sets:\n%s", name, listOfSets())
			}
			all, steps := sets.All()[i].Make(), 0
			for _, s := range all {
				steps += len(s.Steps)
			}
			if err := scenario.Save(args[0], all); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d scenarios, %d steps\n", args[0], len(all), steps)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "set", "matrix", "which set")
	return cmd
}

// listOfSets is a line a set.
func listOfSets() string {
	var b strings.Builder
	for _, s := range sets.All() {
		fmt.Fprintf(&b, "  %-10s %s\n", s.Name, s.About)
	}
	return b.String()
}
