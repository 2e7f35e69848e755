package dpdk

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"ipvd/pmd"
)

// Port is an attached ethdev: a NIC or a vdev.
type Port struct {
	rt      *Runtime
	id      C.uint16_t
	name    string   // the device's name on its bus
	devargs string   // as given to Attach
	netns   *os.File // where its kernel interface lives; nil: ours
	pool    *Pool    // as given to Attach
	quirk   quirk
	own     *Pool     // made for this port alone and used instead of pool, or nil
	files   []xdpFile // that the driver opened
	started bool
	conf    C.struct_ipvd_conf // that it was started with
	lowered []string           // see Lowered
	groups  []net.HardwareAddr // that SetMulticast has set, under mu
	rx      []pmd.RxQueue
	tx      []pmd.TxQueue
	sets    atomic.Int32 // queues held by poll sets

	mu     sync.Mutex
	info   pmd.Info
	stats  pmd.PortStats // the last ones read
	kept   keptCount     // of what the device has missed
	closed bool
	gone   *C.int // set by DPDK
}

var _ pmd.Configurable = (*Port)(nil)

// Name is the device's name on its bus, such as 0000:00:04.0 or net_af_xdp0.
func (p *Port) Name() string { return p.name }

// Driver is the runtime, which makes the poll sets.
func (p *Port) Driver() pmd.Driver { return p.rt }

// ID is the number that DPDK gave the port, as in Mbuf.Port.
func (p *Port) ID() int { return int(p.id) }

// Rx gives the receive queues.
func (p *Port) Rx() []pmd.RxQueue { return p.rx }

// Tx gives the transmit queues.
func (p *Port) Tx() []pmd.TxQueue { return p.tx }

// Info describes the port as it is now.
func (p *Port) Info() pmd.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	info := p.info
	info.MAC = slices.Clone(info.MAC)
	return info
}

// Gone reports that the device was pulled out (RTE_ETH_EVENT_INTR_RMV). The port
// receives and sends nothing any more and waits to be closed.
func (p *Port) Gone() bool {
	return atomic.LoadInt32((*int32)(unsafe.Pointer(p.gone))) != 0
}

// makeQueues allocates the queues with their counters, and the flag that Gone
// reads. The memory is C's and lives as long as the Port, for statistics may be
// asked for after Close.
func (p *Port) makeQueues(rx, tx int) error {
	const flag, rxSize, txSize = 64, C.sizeof_struct_ipvd_rxq, C.sizeof_struct_ipvd_txq
	mem := C.ipvd_zalloc(C.size_t(flag + rx*rxSize + tx*txSize))
	if mem == nil {
		return fmt.Errorf("allocate %d queues: %w", rx+tx, pmd.ErrNoMemory)
	}
	runtime.AddCleanup(p, func(mem unsafe.Pointer) { C.free(mem) }, mem)
	p.gone = (*C.int)(mem)
	next := unsafe.Add(mem, flag)
	for i := range rx {
		c := (*C.struct_ipvd_rxq)(next)
		c.port, c.queue = p.id, C.uint16_t(i)
		p.rx = append(p.rx, &rxQueue{port: p, c: c, waitFD: -1})
		next = unsafe.Add(next, rxSize)
	}
	for i := range tx {
		c := (*C.struct_ipvd_txq)(next)
		c.port, c.queue = p.id, C.uint16_t(i)
		p.tx = append(p.tx, &txQueue{port: p, c: c})
		next = unsafe.Add(next, txSize)
	}
	return nil
}

// applyCaps hands the port's limits to its TX queues. Under p.mu.
func (p *Port) applyCaps() {
	segs, frame := C.uint16_t(65535), C.uint32_t(1<<32-1)
	if p.info.Caps.MaxSegs != 0 {
		segs = C.uint16_t(p.info.Caps.MaxSegs)
	}
	if p.info.Caps.MaxFrame != 0 {
		frame = C.uint32_t(p.info.Caps.MaxFrame)
	}
	for _, q := range p.tx {
		q.(*txQueue).offloads = p.info.Caps.Offloads
		c := q.(*txQueue).c
		c.max_segs = segs
		atomic.StoreUint32((*uint32)(unsafe.Pointer(&c.max_frame)), uint32(frame))
	}
}
