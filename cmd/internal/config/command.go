package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const about = `ipvd gives many network namespaces (slaves) one NIC and one MAC address (the
master), as Linux ipvlan does, on a data plane of its own over DPDK.`

// Command is the command line of ipvd. It reads flags, then the environment
// for flags that are not given, checks them, and calls run. Errors are returned
// to the caller of Execute, which prints them.
func Command(run func(Config) error) *cobra.Command {
	c := Default()
	all := groups(&c)
	cmd := &cobra.Command{
		Use:   "ipvd --master NAME[=WIRE] [flags] [-- EAL arguments]",
		Short: "Linux ipvlan in user space",
		Long:  about,
		Args:  cobra.ArbitraryArgs, // finish refuses them: an error that says more
		// The caller prints the error once, without the whole help text.
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.finish(cmd.Flags(), args); err != nil {
				return err
			}
			return run(c)
		},
	}
	for _, g := range all {
		g.flags.SortFlags = false
		cmd.Flags().AddFlagSet(g.flags)
	}
	cmd.AddCommand(checkCommand())
	cmd.CompletionOptions.DisableDefaultCmd = true
	usageOf := cmd.UsageFunc()
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		if cmd.HasParent() {
			return usageOf(cmd)
		}
		_, err := fmt.Fprint(cmd.OutOrStdout(), usage(cmd, all))
		return err
	})
	return cmd
}

// finish completes c from what follows `--`, the environment and the file.
func (c *Config) finish(f *pflag.FlagSet, args []string) error {
	dash := f.ArgsLenAtDash()
	if dash < 0 {
		dash = len(args)
	}
	if dash > 0 {
		return fmt.Errorf("unexpected argument %q: flags begin with --, and EAL arguments stand behind a lone --", args[0])
	}
	c.EAL = args
	if err := applyEnv(f); err != nil {
		return err
	}
	return c.complete(f)
}

// complete takes what is not given from the file, and checks what no single flag
// can.
func (c *Config) complete(f *pflag.FlagSet) error {
	if err := c.useFile(f); err != nil {
		return err
	}
	if c.Compat == "kernel" {
		c.asKernel(f)
	}
	if c.Compat == "kernel" && !f.Changed("l3s-offload") {
		c.Shortcuts = "off" // the host's netfilter counts every packet
	}
	allowed, err := allowedCPUs()
	if err != nil {
		return err
	}
	return c.check(allowed)
}

// asKernel makes the kernel's ways the defaults of flags that are not given.
func (c *Config) asKernel(f *pflag.FlagSet) {
	if !f.Changed("source-mac") {
		c.SourceMAC = "pass"
	}
	if !f.Changed("host-reach") {
		c.HostReach = "off"
	}
	if !f.Changed("l3-proxy") {
		c.L3Proxy = "off"
	}
	if !f.Changed("l3-path") {
		c.L3Path = "host"
	}
}

// check refuses what does not fit together. Without --workers the first of the
// allowed CPUs, in ascending order, runs the only worker.
func (c *Config) check(allowed []int) error {
	if len(c.Masters) == 0 {
		return fmt.Errorf("no master is given: name one with --master NAME[=WIRE], such as --master eth0, or in a file under masters")
	}
	if c.HostInterface != "" && len(c.Masters) > 1 {
		return fmt.Errorf("--host-interface %s fits a single master, but %d are given: leave it out", c.HostInterface, len(c.Masters))
	}
	if c.Group == "" {
		return fmt.Errorf("--group is empty: name a group, such as root")
	}
	for _, cpu := range c.Workers {
		if !slices.Contains(allowed, cpu) {
			return fmt.Errorf("--workers: CPU %d is not one that this process may use: choose from %s", cpu, formatCPUs(allowed))
		}
	}
	if c.Workers == nil {
		c.Workers = allowed[:1]
	}
	return nil
}

func usage(cmd *cobra.Command, all []group) string {
	var s strings.Builder
	fmt.Fprintf(&s, "Usage:\n  %s\n", cmd.Use)
	for _, g := range all {
		fmt.Fprintf(&s, "\n%s:\n%s", g.title, g.flags.FlagUsages())
	}
	s.WriteString("\n  -h, --help   show this text\n\nEach flag is an environment variable as well, IPVD_STATE_DIR for --state-dir,\n" +
		"and a key of the configuration file, state-dir. A flag overrides the environment,\n" +
		"and that the file, which `ipvd check FILE` checks. IPVD_MASTER holds masters\n" +
		"separated by spaces. What follows -- goes to DPDK: ipvd --master eth0 -- --file-prefix=lab\n\n" +
		"ipvd doctor looks whether this machine has what ipvd needs: ipvd doctor --help\n")
	return s.String()
}
