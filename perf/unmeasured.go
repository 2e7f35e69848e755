package main

import "ipvd/perf/report"

// unmeasured are the rows that nothing here measures yet, with the reason.
func unmeasured(*bench) (rows []report.Row, err error) {
	const routing, ports = "needs the route table of l3", "needs ports of that kind on both sides"
	for _, r := range []struct{ name, ref, why string }{
		{"ingress/ovs-1000-flows", "Open vSwitch", "Open vSwitch is not started by this harness"},
		{"egress/l3-1", "ingress", routing},
		{"egress/l3-1k", "ingress", routing},
		{"egress/l3-1M", "ingress", routing},
		{"l3s/established", "egress/l3", routing},
		{"l3s/established", "l3s/host-path", routing},
		{"l3s/flows-100k", "l3s/flows-100", routing},
		{"l3s/setup", "host path", routing},
		{"route/change", "", routing},
		{"idle/cpu", "", "needs a daemon that sleeps, with TAP and master named"},
		{"idle/wake", "epoll in C", "needs a daemon that sleeps, with TAP and master named"},
		{"memif", "testpmd io", ports},
		{"vhost-user", "testpmd io", ports},
	} {
		rows = append(rows, report.Unmeasured(r.name, r.ref, r.why))
	}
	return rows, nil
}
