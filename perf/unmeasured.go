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
		report.Unmeasured("l3s/established", "egress/l3", needsRoutes),
		report.Unmeasured("l3s/established", "l3s/host-path", needsRoutes),
		report.Unmeasured("l3s/flows-100k", "l3s/flows-100", needsRoutes),
		report.Unmeasured("l3s/setup", "host path", needsRoutes),
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
