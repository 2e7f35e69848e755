package main

import (
	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/config"
)

func (c *ctl) configCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "The configuration file and what runs", Args: verb,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.configShow(cmd) }}
	var dry bool
	apply := &cobra.Command{
		Use: "apply", Args: cobra.NoArgs,
		Short: "Make what runs as the file says: all of it, or nothing when a part fails",
		Long: `The daemon reads its configuration file again and changes what differs; slaves
that do not change lose no packet. When a part fails all is undone. Slaves that
were made by "link add" stay; settings and wires follow at the next start. A
hangup signal (SIGHUP) does the same.

  + slave ipvl2 of eth0 in netns ns2            is added
  - slave ipvl1 of eth0                         is removed
  ~ master eth0: mode l3 bridge -> l2 bridge    is changed
  ! burst 64 -> 128                             is done at the next start`,
		Example: "  ipvctl config apply --dry-run\n  ipvctl config apply",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			changes, err := d.ConfigApply(cmd.Context(), api.ConfigApply{DryRun: dry})
			return c.printChanges(changes, err)
		},
	}
	apply.Flags().BoolVar(&dry, "dry-run", false, "only say what would change")
	cmd.AddCommand(apply,
		&cobra.Command{Use: "diff", Args: cobra.NoArgs, Short: "Say what apply would change", Example: "  ipvctl config diff\n  ipvctl -j config diff",
			RunE: func(cmd *cobra.Command, _ []string) error {
				d := c.daemon()
				defer d.Close()
				changes, err := d.ConfigDiff(cmd.Context())
				return c.printChanges(changes, err)
			}},
		&cobra.Command{Use: "show", Args: cobra.NoArgs, Short: "Print what runs as a configuration file", Example: "  ipvctl config show >/etc/ipvd/ipvd.yaml",
			RunE: func(cmd *cobra.Command, _ []string) error { return c.configShow(cmd) }},
	)
	return cmd
}

func (c *ctl) printChanges(changes []api.ConfigChange, err error) error {
	if err != nil {
		return err
	}
	return c.print(list(changes), func(p *printer) {
		for _, change := range changes {
			p.printf("%v\n", change)
		}
	})
}

func (c *ctl) configShow(cmd *cobra.Command) error {
	d := c.daemon()
	defer d.Close()
	running, err := d.ConfigShow(cmd.Context())
	if err != nil {
		return err
	}
	text, err := config.Format(running)
	if err != nil {
		return err
	}
	return c.print(running, func(p *printer) { p.printf("%s", text) })
}
