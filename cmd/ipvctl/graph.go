package main

import (
	"io"

	"github.com/spf13/cobra"
)

func (c *ctl) graphCmd() *cobra.Command {
	return &cobra.Command{
		Use: "graph", Args: cobra.NoArgs,
		Example: "  ipvctl graph | dot -Tsvg >graph.svg",
		Short:   "Print the data plane as Graphviz's DOT: ipvctl graph | dot -Tsvg",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			dot, err := d.Graph(cmd.Context())
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.out, dot)
			return err
		},
	}
}
