package main

import (
	"slices"

	"ipvd/perf/report"
)

// Why nothing here measures a row yet.
const needsRoutes = "needs the route table of l3"

// later are the rows that nothing here measures yet.
func later() []report.Row {
	return []report.Row{
		report.Unmeasured("egress/l3-1", "ingress", needsRoutes),
		report.Unmeasured("egress/l3-1k", "ingress", needsRoutes),
		report.Unmeasured("egress/l3-1M", "ingress", needsRoutes),
		report.Unmeasured("route/change", "", needsRoutes),
	}
}

func unmeasured(*bench) ([]report.Row, error) { return later(), nil }

// laterNames are the names of those rows, each once.
func laterNames() (names []string) {
	for _, r := range later() {
		names = append(names, r.Name)
	}
	return slices.Compact(names)
}
