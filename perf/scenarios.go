package main

import (
	"regexp"
	"slices"

	"ipvd/perf/report"
)

// scenario measures one or more rows on a bed of its own.
type scenario struct {
	name string
	rows []string // the names of all rows that run gives
	run  func(b *bench) ([]report.Row, error)
}

func scenarios() []scenario {
	return []scenario{
		{"ingress", []string{"ingress/b32", "ingress/b128", "ingress/above-floor"}, ingressBursts},
		{"ingress/slaves", []string{"ingress/slaves-1024"}, ingressManySlaves},
		{"ingress/tables", []string{"ingress/v4-64k", "ingress/v4-1M", "ingress/v6-1k", "ingress/v6-64k", "ingress/v6-1M"}, ingressTables},
		{"ingress/macswap", []string{"ingress/macswap"}, ingressMacswap},
		{"ingress/ovs", []string{"ingress/ovs-1000-flows"}, ingressOVS},
		{"ingress/churn", []string{"ingress/churn"}, ingressChurn},
		{"table/change", []string{"table/change-1M"}, tableChange},
		{"table/colliding", []string{"table/colliding-keys", "table/colliding-keys-v6"}, tableColliding},
		{"egress", []string{"egress/l2", "egress/sibling"}, egressL2},
		{"egress/l3", []string{"egress/l3-1", "egress/l3-1k", "egress/l3-1M"}, egressL3},
		{"route/change", []string{"route/change", "route/load"}, routeChange},
		{"l3s/established", []string{"l3s/established"}, l3sEstablished},
		{"l3s/setup", []string{"l3s/setup"}, l3sSetup},
		{"l3s/flows", []string{"l3s/flows-100k"}, l3sFlows},
		{"replicate", []string{"replicate/64"}, replicate64},
		{"poll/empty", []string{"poll/empty"}, pollEmpty},
		{"workers/2", []string{"workers/2"}, twoWorkers},
		{"gc/allocs", []string{"gc/allocs-per-step"}, gcAllocs},
		{"gc/pressure", []string{"gc/pressure"}, gcPressure},
		{"worker/registered", []string{"worker/registered"}, workerRegistered},
		{"gaps/100us", []string{"gaps/100us"}, gaps},
		{"idle/cpu", []string{"idle/cpu-master", "idle/cpu-tap"}, idleCPU},
		{"idle/wake", []string{"idle/wake-tap-p50", "idle/wake-tap-p99", "idle/wake-master-p50", "idle/wake-master-p99"}, idleWake},
		{"tap", []string{"tap/tcp", "tap/pps", "tap/flood"}, tapRows},
		{"memif", []string{"memif"}, sharedRows(memifKind())},
		{"vhost-user", []string{"vhost-user"}, sharedRows(vhostKind())},
	}
}

// chosen are the scenarios that a filter of names asks for: those whose own name
// matches, with all their rows, and those of which a row does, with such rows.
func chosen(all []scenario, filter *regexp.Regexp) (some []scenario) {
	for _, s := range all {
		if !filter.MatchString(s.name) {
			s.rows = slices.DeleteFunc(slices.Clone(s.rows), func(row string) bool { return !filter.MatchString(row) })
		}
		if len(s.rows) > 0 {
			some = append(some, s)
		}
	}
	return some
}

// wants says whether the running scenario need measure a row.
func (b *bench) wants(row string) bool { return slices.Contains(b.wanted, row) }

// measured runs s and gives the rows that were asked for.
func (s scenario) measured(b *bench) ([]report.Row, error) {
	b.wanted = s.rows
	rows, err := s.run(b)
	return slices.DeleteFunc(rows, func(r report.Row) bool { return !slices.Contains(s.rows, r.Name) }), err
}
