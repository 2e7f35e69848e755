package main

import "ipvd/perf/report"

// scenario measures one or more rows on a bed of its own.
type scenario struct {
	name string
	run  func(b *bench) ([]report.Row, error)
}

func scenarios() []scenario {
	return []scenario{
		{"ingress", ingressBursts},
		{"ingress/tables", ingressTables},
	}
}
