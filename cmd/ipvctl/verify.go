package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) verifyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Args: cobra.NoArgs,
		Short: "Check that every packet is accounted for: exit status 1 if not",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			v, err := d.Verify(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.print(v, func(p *printer) { printVerify(p, &v, c.brief) }); err != nil {
				return err
			}
			if !v.OK {
				return errNotOK
			}
			return nil
		},
	}
}

func printVerify(p *printer, v *api.Verify, brief bool) {
	if brief {
		p.printf("received %d copied %d delivered %d dropped %d difference %d\n", v.Received, v.Copied, v.Delivered, v.Dropped, v.Difference)
		return
	}
	line := func(what string, n any) { p.printf("%-24s %12d\n", what, n) }
	line("received", v.Received)
	line("copied", v.Copied)
	line("delivered", v.Delivered)
	line("dropped", v.Dropped)
	for _, reason := range slices.Sorted(maps.Keys(v.Reasons)) {
		line("  "+reason, v.Reasons[reason])
	}
	line("difference", v.Difference)
	line("mbufs in use", v.MbufsInUse)
	switch {
	case v.OK:
		p.printf("ok\n")
	case !v.AtRest:
		p.printf("packets never rested: the difference is what was under way\n")
	}
}
