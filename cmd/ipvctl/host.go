package main

import "github.com/spf13/cobra"

func (c *ctl) hostCmd() *cobra.Command {
	show := func(cmd *cobra.Command, _ []string) error {
		d := c.daemon()
		defer d.Close()
		changes, err := d.Host(cmd.Context())
		if err != nil {
			return err
		}
		return c.print(list(changes), func(p *printer) {
			for _, h := range changes {
				p.printf("%s: %v\n", h.Master, h)
			}
		})
	}
	host := &cobra.Command{Use: "host", Short: "What ipvd changed in the host", Args: verb, RunE: show}
	host.AddCommand(&cobra.Command{Use: "show", Aliases: []string{"list", "lst", "ls"}, Args: cobra.NoArgs,
		Short:   "Show what ipvd changed in the host, until the mode or the daemon ends",
		Example: "  ipvctl host show", RunE: show})
	return host
}
