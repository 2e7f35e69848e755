package config

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// checkCommand is `ipvd check FILE`.
func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration file",
		Long: `Checks a configuration file as ipvd does at its start, without flags and
environment. Every problem is printed with its line and column; the exit status
is 1 then.`,
		Example:       "  ipvd check " + DefaultFile,
		Args:          cobra.ExactArgs(1),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := Check(args[0])
			if err != nil {
				return err
			}
			slaves := 0
			for _, m := range c.Declared {
				slaves += len(m.Slaves)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: ok: masters %d, slaves %d\n", args[0], len(c.Masters), slaves)
			return nil
		},
	}
}

// Check gives the configuration that a file makes without flags and environment.
func Check(path string) (Config, error) {
	c := Default()
	flags := pflag.NewFlagSet("file", pflag.ContinueOnError)
	for _, g := range groups(&c) {
		flags.AddFlagSet(g.flags)
	}
	c.File = path
	return c, c.complete(flags)
}

// Load gives the configuration of a command line, and of file and environment as
// they are now.
func Load(args []string) (c Config, err error) {
	cmd := Command(func(got Config) error { c = got; return nil })
	cmd.SetArgs(args)
	err = cmd.Execute()
	return c, err
}
