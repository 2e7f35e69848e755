package main

import (
	"time"

	"github.com/spf13/cobra"
)

func (c *ctl) statusCmd() *cobra.Command {
	return &cobra.Command{
		Use: "status", Args: cobra.NoArgs,
		Short: "Show what runs",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			s, err := d.Status(cmd.Context())
			if err != nil {
				return err
			}
			return c.print(s, func(p *printer) {
				up := time.Duration(s.Uptime * float64(time.Second)).Round(time.Second)
				p.printf("ipvd %s pid %d up %v\nmasters %v\nworkers on CPUs %v\n", s.Version, s.PID, up, s.Masters, s.Workers)
			})
		},
	}
}
