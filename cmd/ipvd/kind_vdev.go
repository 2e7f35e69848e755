package main

import (
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
)

// openVdev opens a device of DPDK.
func openVdev(s *slave, mtu int) (pmd.Port, error) {
	return s.m.d.rt.Attach(s.options.Devargs, vdevOptions(s.m.d, mtu))
}

// vdevOptions are how a slave is opened whose port is DPDK's: all workers may send to
// it, one receives from it.
func vdevOptions(d *daemon, mtu int) dpdk.PortOptions {
	return dpdk.PortOptions{Pool: d.pool, RxQueues: 1, TxQueues: d.workers(), RxDesc: rxDescriptors, TxDesc: txDescriptors,
		MTU: mtu, Promiscuous: true, Interrupts: d.adaptive(), Netns: -1}
}
