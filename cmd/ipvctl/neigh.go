package main

import (
	"context"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) neighCmd() *cobra.Command {
	show := func(cmd *cobra.Command, args []string) error { return c.neighShow(cmd.Context(), args) }
	neigh := &cobra.Command{Use: "neigh", Aliases: []string{"neighbour", "neighbor"}, Short: "The neighbours that l3 sends to",
		Args: verb, RunE: show}
	neigh.AddCommand(&cobra.Command{Use: "show [[dev] MASTER]", Aliases: []string{"list", "lst", "ls"},
		Short: "Show whom l3 knows on the link of a host port", RunE: show,
		Example: "  ipvctl neigh show dev eth0"})
	return neigh
}

func (c *ctl) neighShow(ctx context.Context, args []string) error {
	var f api.RouteFilter
	g := grammar{values: map[string]*string{"dev": &f.Master}, bare: &f.Master}
	if err := g.parse(args); err != nil {
		return err
	}
	d := c.daemon()
	defer d.Close()
	all, err := d.Neighbours(ctx, f)
	if err != nil {
		return err
	}
	return c.print(list(all), func(p *printer) { printNeighbours(p, all) })
}

func printNeighbours(p *printer, all []api.Neighbour) {
	for _, n := range all {
		p.printf("%s dev %s", n.Dst, n.Master)
		if n.LLAddr != "" {
			p.printf(" lladdr %s", n.LLAddr)
		}
		if n.Used {
			p.printf(" used")
		}
		p.printf(" %s\n", n.State)
	}
}
