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
		{"ingress/macswap", ingressMacswap},
		{"ingress/churn", ingressChurn},
		{"table/change", tableChange},
		{"table/colliding", tableColliding},
		{"egress", egressL2},
		{"replicate", replicate64},
		{"poll/empty", pollEmpty},
		{"workers/2", twoWorkers},
		{"gc/allocs", gcAllocs},
		{"gc/pressure", gcPressure},
		{"worker/registered", workerRegistered},
		{"gaps/100us", gaps},
		{"tap", tapRows},
		{"unmeasured", unmeasured},
	}
}
