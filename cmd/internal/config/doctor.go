package config

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// DoctorCommand is `ipvd doctor`, which calls run with the masters and workers that
// a daemon is to have, and whether JSON is wanted. It is for Command's AddCommand.
func DoctorCommand(run func(masters []Master, workers []int, json bool) error) *cobra.Command {
	var c Config
	var json bool
	cmd := &cobra.Command{
		Use:   "doctor [--master NAME[=WIRE]]... [--workers CPUS] [-j]",
		Short: "Look whether this machine has what ipvd needs, and say what to do",
		Long: `Look whether this machine has what ipvd needs: privileges, hugepages, kernel
features, drivers, CPUs, and for each master its wire. A line each says ok, warn or
fail, and what to do. Nothing is changed. The exit status is 1 when something fails.`,
		Example: "  ipvd doctor\n  ipvd doctor --master eth0 --master fast=0000:01:00.0 --workers 2,3",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := applyEnv(cmd.Flags()); err != nil {
				return err
			}
			return run(c.Masters, c.Workers, json)
		},
	}
	f := pflag.NewFlagSet("doctor", pflag.ContinueOnError)
	f.Var(masters{&c.Masters}, "master", "a master that there is to be, and its wire; may be repeated")
	f.Var(cpuList{&c.Workers}, "workers", "CPUs that are to run a worker each (default the first)")
	f.BoolVarP(&json, "json", "j", false, "print JSON")
	cmd.Flags().AddFlagSet(f)
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "Usage:\n  ipvd %s\n\nExamples:\n%s\n\n%s", cmd.Use, cmd.Example, cmd.Flags().FlagUsages())
		return err
	})
	return cmd
}
