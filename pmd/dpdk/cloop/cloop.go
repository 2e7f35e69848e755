// Package cloop is the loop that a C program on DPDK would run: receive a burst
// from one port, send it to another, free what is left. Benchmarks measure
// pmd/dpdk against it.
package cloop

/*
#cgo pkg-config: libdpdk
#include <rte_ethdev.h>
#include <rte_mbuf.h>

static uint64_t
forward(uint16_t from, uint16_t to, uint16_t burst, uint64_t packets)
{
	struct rte_mbuf *m[256];
	uint64_t done = 0, idle = 0;

	while (done < packets && idle < 1000000) {
		uint16_t n = rte_eth_rx_burst(from, 0, m, RTE_MIN(burst, 256));
		uint16_t sent = rte_eth_tx_burst(to, 0, m, n);

		rte_pktmbuf_free_bulk(m + sent, n - sent);
		done += n;
		idle = n == 0 ? idle + 1 : 0;
	}
	return done;
}
*/
import "C"

// Forward moves packets from queue 0 of one port to queue 0 of another, in
// bursts of at most 256, until it has received so many, and gives their number;
// it gives up after a million empty polls. Ports are DPDK's numbers. The
// calling thread must be registered as a worker.
func Forward(from, to, burst int, packets uint64) uint64 {
	return uint64(C.forward(C.uint16_t(from), C.uint16_t(to), C.uint16_t(burst), C.uint64_t(packets)))
}
