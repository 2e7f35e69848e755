package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) verifyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Args: cobra.NoArgs,
		Example: "  ipvctl verify\n  ipvctl -d verify\n  ipvctl -br verify",
		Short:   "Check that every packet is accounted for: exit status 1 if not; with -d by slave, port, stage and worker",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			v, err := d.Verify(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.print(v, func(p *printer) { printVerify(p, &v, c.details, c.brief) }); err != nil {
				return err
			}
			if !v.OK {
				return errNotOK
			}
			return nil
		},
	}
}

func printVerify(p *printer, v *api.Verify, details, brief bool) {
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
	if details {
		printRows(p, v.Rows)
	}
	for _, why := range v.Explanation {
		p.printf("%s\n", why)
	}
	if v.OK {
		p.printf("ok\n")
	}
}

// printRows prints the account by slave, port, stage and worker.
func printRows(p *printer, rows []api.AccountRow) {
	var cells printer
	cells.printf("\nKIND\tWHERE\tRECEIVED\tCOPIED\tDELIVERED\tDROPPED\n")
	for _, r := range rows {
		delivered := fmt.Sprint(r.Delivered)
		if r.Kind == "worker" {
			delivered = "-"
		}
		cells.printf("%s\t%s\t%d\t%d\t%s\t%d\n", r.Kind, r.Where, r.Received, r.Copied, delivered, r.Dropped)
	}
	p.table(&cells)
}
