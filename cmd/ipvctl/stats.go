package main

import (
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) statsCmd() *cobra.Command {
	stats := &cobra.Command{
		Use: "stats", Aliases: []string{"s"}, Args: cobra.NoArgs,
		Example: "  ipvctl stats\n  ipvctl -j -d stats",
		Short:   "Show the data plane's counters that are not zero; with -d all, and each worker's share",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			counters, err := d.Stats(cmd.Context(), c.details)
			if err != nil {
				return err
			}
			return c.print(list(counters), func(p *printer) { printCounters(p, counters, c.details) })
		},
	}
	stats.AddCommand(&cobra.Command{Use: "drops", Args: cobra.NoArgs, Example: "  ipvctl stats drops\n  ipvctl -br stats drops", Short: "Show what was dropped, slaves by reasons; with -d also where nothing was",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			rows, err := d.Drops(cmd.Context())
			if err != nil {
				return err
			}
			return c.print(list(rows), func(p *printer) { printDrops(p, rows, c.details, c.brief) })
		}})
	return stats
}

func printCounters(p *printer, counters []api.Counter, details bool) {
	var cells printer
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	cells.printf("WHERE\tKIND\tNAME\tPACKETS")
	if details {
		cells.printf("\tBY WORKER")
	}
	cells.printf("\n")
	for _, n := range counters {
		if n.Packets == 0 && !details {
			continue
		}
		cells.printf("%s\t%s\t%s\t%d", n.Where, n.Kind, n.Name, n.Packets)
		for _, share := range n.Workers {
			cells.printf("\t%d", share)
		}
		cells.printf("\n")
	}
	w.Write(cells.Bytes()) // into memory: it cannot fail
	w.Flush()
}
