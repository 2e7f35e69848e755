package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvconform/compare"
	"ipvd/cmd/ipvconform/scenario"
)

// errUnexplained is for answers that no listed difference explains.
var errUnexplained = errors.New("ipvd differs from the kernel's driver in ways that are not listed")

func compareCmd() *cobra.Command {
	var c comparison
	cmd := &cobra.Command{
		Use:   "compare SCENARIOS KERNEL IPVD [SCENARIOS KERNEL IPVD]...",
		Short: "Compare ipvd's results with the driver's; exit status 0 if listed differences explain all",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args)%3 != 0 {
				return fmt.Errorf("got %d files, want three or a multiple: SCENARIOS KERNEL IPVD", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.OutOrStdout(), args) },
	}
	cmd.Flags().BoolVar(&c.defaults, "defaults", false, "ipvd ran without --compat kernel")
	cmd.Flags().BoolVar(&c.brief, "brief", false, "print the last line only")
	return cmd
}

// comparison compares sets of files.
type comparison struct{ defaults, brief bool }

func (c comparison) run(out io.Writer, files []string) error {
	title := "conformance"
	if c.defaults {
		title += " of the defaults"
	}
	all := compare.Report{Listed: map[string]int{}}
	for three := range slices.Chunk(files, 3) {
		r, err := c.one(three[0], three[1], three[2])
		if err != nil {
			return err
		}
		if set, _, _ := strings.Cut(filepath.Base(three[0]), "."); len(files) > 3 && !c.brief {
			fmt.Fprint(out, r.Details(), r.Summary(set), "\n")
		} else if !c.brief {
			fmt.Fprint(out, r.Details())
		}
		all.Add(r)
	}
	fmt.Fprintln(out, all.Summary(title))
	if len(all.Unexplained) > 0 {
		return errUnexplained
	}
	return nil
}

// one compares what three files hold.
func (c comparison) one(scenarios, kernel, ours string) (r compare.Report, err error) {
	all, err := scenario.Load[scenario.Scenario](scenarios)
	if err != nil {
		return r, err
	}
	want, err := scenario.Load[scenario.Result](kernel)
	if err != nil {
		return r, err
	}
	got, err := scenario.Load[scenario.Result](ours)
	if err != nil {
		return r, err
	}
	return compare.Results(all, want, got, c.defaults), nil
}
