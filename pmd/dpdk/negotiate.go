package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math/bits"
	"strings"

	"ipvd/pmd"
)

// Lowered says what the port got less of than Attach was asked for or than other
// devices do themselves, each with the reason; empty if nothing.
func (p *Port) Lowered() []string { return p.lowered }

func (p *Port) lower(format string, args ...any) {
	p.lowered = append(p.lowered, fmt.Sprintf(format, args...))
}

// negotiateQueues gives the numbers of RX and TX queues: those wanted, or what
// the device can use of them.
func (p *Port) negotiateQueues(opt PortOptions, info *C.struct_ipvd_info) (rx, tx int) {
	rx, why := p.quirk.queues(max(opt.RxQueues, 1), int(info.max_rxq))
	tx, whyTx := p.quirk.queues(max(opt.TxQueues, 1), int(info.max_txq))
	if p.quirk.paired {
		rx = min(max(rx, tx), int(info.max_rxq), int(info.max_txq))
		tx = rx
	}
	if rx < opt.RxQueues {
		p.lower("%d RX queues to %d (%s)", opt.RxQueues, rx, why)
	}
	if tx < opt.TxQueues {
		p.lower("%d TX queues to %d (%s)", opt.TxQueues, tx, whyTx)
	}
	return rx, tx
}

// queues is how many of the wanted queues a device can use that says that it has
// most, and why no more.
func (q quirk) queues(want, most int) (n int, why string) {
	n, why = min(want, most), "the device has no more"
	if q.maxQueues != 0 && n > q.maxQueues {
		n, why = q.maxQueues, "the driver does not spread packets over more"
	}
	if power := 1 << (bits.Len(uint(n)) - 1); q.powerOf2 && n > power {
		n, why = power, "the driver wants a power of two"
	}
	return n, why
}

// maxMTU is the largest MTU that a device can be set to, in bytes, by what its
// driver says of it; 0 if it sets no limit. Drivers that say no MTU limit the
// frame, with its FCS (eth_dev_validate_mtu in rte_ethdev.c).
func maxMTU(mtu, frame int) int {
	const unlimited, header = 65535, 14 + 4
	switch {
	case mtu != 0 && mtu != unlimited:
		return mtu
	case frame > header && frame < unlimited:
		return frame - header
	}
	return 0
}

// maxMTU is the largest MTU that the port can be set to, in bytes: what its device
// takes, and what fits an mbuf when a driver fills no more than one.
func (p *Port) maxMTU(info *C.struct_ipvd_info) int {
	most := maxMTU(int(info.max_mtu), int(info.max_rx_pktlen))
	if p.quirk.rxHeadroom == 0 {
		return most
	}
	fits := p.pool.DataRoom() - frameOverhead - p.quirk.rxHeadroom
	if most == 0 {
		return fits
	}
	return min(most, fits)
}

// lowerOffloads says what is left to the CPU of what NICs do otherwise. Devices
// in memory have nobody that misses it.
func (p *Port) lowerOffloads(opt PortOptions, info *C.struct_ipvd_info, conf *C.struct_ipvd_conf) {
	if !p.onPCI() {
		return
	}
	offloads := offloadsOf(info, p.quirk)
	switch {
	case offloads&pmd.Checksum == 0:
		p.lower("checksums and segmentation to software (the device has no offload for TCP and UDP)")
	case offloads&pmd.TSO == 0:
		p.lower("TCP segmentation to software (the device has no TSO)")
	}
	if opt.Interrupts && conf.interrupts == 0 {
		p.lower("RX interrupts to looking at intervals (the driver has none)")
	}
	switch {
	case conf.rxq > 1 && info.rss == 0:
		p.lower("RSS to the device's own choice of a queue (it has none)")
	case conf.rxq > 1 && conf.symmetric == 0:
		p.lower("symmetric RSS to the driver's own key (its length is not known)")
	}
}

// onPCI says that the port is a NIC on the PCI bus, whose name is its address.
func (p *Port) onPCI() bool { return strings.Count(p.name, ":") == 2 }
