package flows

import (
	"fmt"
	"slices"
	"strings"

	"ipvd/pmd"
)

// edge is a line of the graph's picture.
type edge struct{ from, to, label string }

func rxNode(q pmd.RxQueue) string { return fmt.Sprintf("%s rx %d", q.Port().Name(), q.Index()) }
func txNode(q pmd.TxQueue) string { return fmt.Sprintf("%s tx %d", q.Port().Name(), q.Index()) }

// Edge adds a line to the graph's picture: packets go from stage from to stage
// to, for the reason label, which may be empty. Input and Output add their own.
func (g *Graph) Edge(from, to, label string) {
	if e := (edge{from, to, label}); !slices.Contains(g.edges, e) {
		g.edges = append(g.edges, e)
	}
}

// dot draws the edges of all workers' graphs in Graphviz's language; an edge
// that several workers have is drawn once.
func dot(graphs []*Graph) string {
	var b strings.Builder
	b.WriteString("digraph flows {\n\trankdir=LR\n\tnode [shape=box]\n")
	drawn := map[edge]bool{}
	for _, g := range graphs {
		for _, e := range g.edges {
			if drawn[e] {
				continue
			}
			drawn[e] = true
			fmt.Fprintf(&b, "\t%q -> %q", e.from, e.to)
			if e.label != "" {
				fmt.Fprintf(&b, " [label=%q]", e.label)
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("}\n")
	return b.String()
}
