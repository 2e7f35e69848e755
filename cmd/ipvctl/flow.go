package main

import (
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) flowCmd() *cobra.Command {
	show := func(cmd *cobra.Command, _ []string) error {
		d := c.daemon()
		defer d.Close()
		flows, err := d.Flows(cmd.Context())
		if err != nil {
			return err
		}
		return c.print(list(flows), func(p *printer) { printFlows(p, flows) })
	}
	flow := &cobra.Command{Use: "flow", Short: "Flows of l3s that may leave out the turn through the host", Args: verb, RunE: show}
	flow.AddCommand(
		&cobra.Command{Use: "show", Aliases: []string{"list", "lst", "ls"}, Args: cobra.NoArgs,
			Short:   "Show each direction of each flow; the numbers are the host's and the shortcut's together",
			Example: "  ipvctl flow show\n  ipvctl -j flow show | jq '.[] | select(.orig.shortcut | not)'", RunE: show},
		&cobra.Command{Use: "flush [MASTER]", Args: cobra.MaximumNArgs(1), Short: "Let the host see every flow again",
			Example: "  ipvctl flow flush\n  ipvctl flow flush eth0",
			RunE: func(cmd *cobra.Command, args []string) error {
				var r api.FlowFlush
				if len(args) == 1 {
					r.Master = args[0]
				}
				if err := r.Check(); err != nil {
					return err
				}
				d := c.daemon()
				defer d.Close()
				return d.FlowFlush(cmd.Context(), r)
			}},
	)
	return flow
}

// printFlows prints a line a direction.
func printFlows(p *printer, flows []api.Flow) {
	var cells printer
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	cells.printf("MASTER\tPROTO\tFROM\tTO\tWAY\tPACKETS\tBYTES\tPAST THE HOST\n")
	for i := range flows {
		f := &flows[i]
		for _, d := range []*api.FlowWay{&f.Orig, &f.Reply} {
			way := "host"
			if d.Shortcut {
				way = "shortcut"
			}
			cells.printf("%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", f.Master, f.Proto, d.Src, d.Dst, way, d.Packets, d.Bytes, d.FastPackets)
		}
	}
	w.Write(cells.Bytes()) // into memory: it cannot fail
	w.Flush()
}
