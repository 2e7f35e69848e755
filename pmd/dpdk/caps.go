package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"strconv"
	"strings"

	"ipvd/pmd"
)

// frameOverhead is what a frame may have beyond its L3 packet: an Ethernet
// header and two VLAN tags, without FCS.
const frameOverhead = 14 + 2*4

// etherMTU is the MTU of a device that was told none, in bytes.
const etherMTU = 1500

// quirk is what a driver does not say in its rte_eth_dev_info, and what would
// lose or corrupt packets if nobody knew. The zero value is a driver without.
type quirk struct {
	// paired: as many TX queues as RX queues, or configuring fails.
	paired bool
	// oneSeg: only the first segment's memory is read, for the length of the
	// packet.
	oneSeg bool
	// keepsRx: closing the port does not give back the mbufs that lie in its
	// receive rings; a positive number is how many each queue takes at the start.
	keepsRx int
	// xdp: AF_XDP files stay open after closing the port (see xdpFile), and a
	// queue may be busy for a moment after its last user has gone.
	xdp bool
	// byMTU: a frame longer than the MTU allows stops the burst.
	byMTU bool
	// softOffloads: its offloads are done by the CPU, no better than ours, and
	// its TSO knows no IPv6 (lib/gso).
	softOffloads bool
	// partialRx: it marks a frame whose checksum the sender has left to the
	// device with RX_L4_CKSUM_NONE, if it is told to verify checksums; else the
	// other end completes them.
	partialRx bool
	// countsUntaken: oerrors includes packets that it left to the caller.
	countsUntaken bool
	// keepsMissed: imissed may be a sum of what is one count (keptCount).
	keepsMissed bool
	// keepsSent: closing the port does not give back the mbufs that lie in its
	// rings and that it would have received.
	keepsSent bool
	// maxQueues is how many queues each way it can use, if it says more.
	maxQueues int
	// powerOf2: it takes a number of queues that is a power of two.
	powerOf2 bool
	// wholeRx: a frame is received only if it fits one mbuf, on some hosts.
	wholeRx bool
	// rxHeadroom is what it leaves free before a received frame, in bytes, beyond the
	// mbuf's headroom; what does not fit behind it is dropped. 0: a frame may take
	// several mbufs, or dev_info says what fits.
	rxHeadroom int
	// mtuAtRest: its MTU must not be set while it runs.
	mtuAtRest bool
	// rssKey is the length of its RSS key in bytes, if it does not say.
	rssKey int
	// maxFrame computes the largest frame from the devargs; nil if dev_info
	// says it.
	maxFrame func(devargs string) int
}

// quirks by driver, as found in DPDK 22.11's drivers/net; harmless where a later
// DPDK has mended one.
func quirkOf(driver string) quirk {
	switch driver {
	case "net_af_xdp":
		// af_xdp_tx_zc copies pkt_len bytes from the first segment;
		// eth_dev_close leaves ETH_AF_XDP_DFLT_NUM_DESCS mbufs of each queue in
		// the fill ring; the kernel leaves XDP_PACKET_HEADROOM free.
		return quirk{paired: true, oneSeg: true, keepsRx: 2048, xdp: true, countsUntaken: true, rxHeadroom: 256}
	case "net_af_packet":
		// eth_af_packet_tx frees longer frames without counting them as sent.
		return quirk{maxFrame: afPacketFrame}
	case "net_ring":
		return quirk{keepsSent: true}
	case "net_tap":
		return quirk{paired: true, byMTU: true, countsUntaken: true, softOffloads: true}
	case "net_virtio", "net_virtio_user":
		return quirk{partialRx: true}
	case "net_e1000_em":
		// eth_em_infos_get says 2, and eth_em_rx_init spreads nothing over them;
		// two TX queues would share the one context that checksums have.
		return quirk{maxQueues: 1, keepsMissed: true}
	case "net_vmxnet3":
		// vmxnet3_dev_configure refuses others on devices before version 6;
		// vmxnet3_rss_configure copies VMXNET3_RSS_MAX_KEY_SIZE bytes. It sets no
		// maxNumRxSG, which QEMU takes for one fragment. vmxnet3_dev_mtu_set stops
		// and starts it under the workers, without its filters and its state.
		return quirk{powerOf2: true, rssKey: 40, wholeRx: true, mtuAtRest: true}
	}
	return quirk{}
}

// afPacketFrame is the room in a frame of the TX ring: framesz (2048 if not
// given) less the tpacket2_hdr, of 32 bytes, before the data.
func afPacketFrame(devargs string) int {
	size := 2048
	for _, arg := range strings.Split(devargs, ",") {
		if v, ok := strings.CutPrefix(arg, "framesz="); ok {
			if n, err := strconv.Atoi(v); err == nil {
				size = n
			}
		}
	}
	return size - 32
}

// offloadsOf says what the device does to unfinished frames.
func offloadsOf(info *C.struct_ipvd_info, q quirk) (o pmd.Offloads) {
	if q.softOffloads {
		return 0
	}
	if info.checksum != 0 {
		o |= pmd.Checksum
	}
	if info.tso != 0 {
		o |= pmd.TSO
	}
	if info.uso != 0 {
		o |= pmd.USO
	}
	if info.header_sum != 0 {
		o |= pmd.HeaderSum
	}
	return o
}

// capsOf says what the port can take.
func capsOf(info *C.struct_ipvd_info, q quirk, devargs string, room int) pmd.Caps {
	c := pmd.Caps{Offloads: offloadsOf(info, q)}
	if n := int(info.max_segs); n != 0 && n != 65535 {
		c.MaxSegs = n
	}
	if q.oneSeg {
		c.MaxSegs = 1
	}
	switch {
	case q.maxFrame != nil:
		c.MaxFrame = q.maxFrame(devargs)
	case q.byMTU:
		c.MaxFrame = int(info.mtu) + frameOverhead
	case info.max_mtu != 0 && info.max_mtu != 65535:
		c.MaxFrame = int(info.max_mtu) + frameOverhead
	}
	if q.oneSeg && (c.MaxFrame == 0 || c.MaxFrame > room) {
		c.MaxFrame = room
	}
	return c
}
