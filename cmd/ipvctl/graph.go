package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func (c *ctl) graphCmd() *cobra.Command {
	return &cobra.Command{
		Use: "graph", Args: cobra.NoArgs,
		Example: "  ipvctl graph | dot -Tsvg >graph.svg",
		Short:   "Print the data plane as Graphviz's DOT, with -j its edges",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			dot, err := d.Graph(cmd.Context())
			if err != nil {
				return err
			}
			if c.json || c.pretty {
				return c.print(list(edgesOf(dot)), nil)
			}
			_, err = io.WriteString(c.out, dot)
			return err
		},
	}
}

// graphEdge is a line of the graph's picture: packets go from one stage or queue to
// another.
type graphEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// edgesOf reads the edges of a picture.
func edgesOf(dot string) (edges []graphEdge) {
	for line := range strings.Lines(dot) {
		from, to, ok := strings.Cut(strings.TrimSpace(line), " -> ")
		if to, _, _ = strings.Cut(to, " ["); ok {
			edges = append(edges, graphEdge{strings.Trim(from, `"`), strings.Trim(to, `"`)})
		}
	}
	return edges
}
