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
		{"ingress/slaves", ingressManySlaves},
		{"ingress/tables", ingressTables},
		{"ingress/churn", ingressChurn},
		{"table/change", tableChange},
		{"table/colliding", tableColliding},
		{"egress", egressL2},
		{"replicate", replicate64},
		{"poll/empty", pollEmpty},
		{"gc/allocs", gcAllocs},
		{"gc/pressure", gcPressure},
		{"unmeasured", unmeasured},
	}
}
