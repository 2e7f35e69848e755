package cloop

/*
#include <stdlib.h>
#include "cloop.h"
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"ipvd/pmd"
)

// ReferenceConfig describes a reference loop.
type ReferenceConfig struct {
	From  int // port to receive from, queue 0
	To    int // port to send to: slave k on queue k
	Rest  int // port for what is for no slave, queue 0
	Burst int
	MAC   [6]byte // destination of all packets for slaves
	// Slaves is their number, Keys how many addresses of each family fit.
	Slaves, Keys int
}

// Reference is the data path of a receiver in C: receive, look up, group by
// slave, send. Its address table has the layout of flows/ipvlan's. It is used by
// one goroutine at a time.
type Reference struct {
	c       *C.struct_cloop_reference
	outputs []C.struct_cloop_output // C's memory
}

// NewReference makes a loop with an empty table.
func NewReference(cfg ReferenceConfig) (*Reference, error) {
	c := (*C.struct_cloop_reference)(C.calloc(1, C.sizeof_struct_cloop_reference))
	r := &Reference{c: c}
	n := C.size_t(cfg.Slaves + 1)
	c.outputs = (*C.struct_cloop_output)(C.calloc(n, C.sizeof_struct_cloop_output))
	c.count = (*C.uint32_t)(C.calloc(n, C.sizeof_uint32_t))
	const seed4, seed6 = 4, 6
	if c.outputs == nil || c.count == nil ||
		C.cloop_table_init(&c.v4, C.uint32_t(cfg.Keys), 0, seed4) != 0 ||
		C.cloop_table_init(&c.v6, C.uint32_t(cfg.Keys), 1, seed6) != 0 {
		r.Close()
		return nil, fmt.Errorf("reference loop for %d slaves and %d addresses: %w", cfg.Slaves, cfg.Keys, pmd.ErrNoMemory)
	}
	c.from, c.burst, c.noutputs = C.uint16_t(cfg.From), clamp(cfg.Burst), C.uint32_t(cfg.Slaves)
	for i, b := range cfg.MAC {
		c.mac[i] = C.uint8_t(b)
	}
	r.outputs = unsafe.Slice(c.outputs, cfg.Slaves+1)
	for i := range cfg.Slaves {
		r.outputs[i].port, r.outputs[i].queue = C.uint16_t(cfg.To), C.uint16_t(i)
	}
	r.outputs[cfg.Slaves].port = C.uint16_t(cfg.Rest)
	return r, nil
}

// Add gives an address that is not in the table to slave number slave.
func (r *Reference) Add(a netip.Addr, slave int) error {
	var ret C.int
	if a.Is4() {
		b := a.As4()
		ret = C.cloop_add4(&r.c.v4, C.uint32_t(binary.BigEndian.Uint32(b[:])), C.uint32_t(slave))
	} else {
		b := a.As16()
		hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
		ret = C.cloop_add6(&r.c.v6, C.uint64_t(hi), C.uint64_t(lo), C.uint32_t(slave))
	}
	if ret != 0 {
		return fmt.Errorf("reference loop: add %v: the table is full", a)
	}
	return nil
}

// Run runs the loop until it has received so many packets.
func (r *Reference) Run(packets uint64) uint64 {
	return uint64(C.cloop_run(r.c, C.uint64_t(packets)))
}

// Sent is how many packets went to slave number slave so far; number Slaves is
// what went to none.
func (r *Reference) Sent(slave int) uint64 { return uint64(r.outputs[slave].packets) }

// Unsent is how many packets no queue took so far.
func (r *Reference) Unsent() (n uint64) {
	for i := range r.outputs {
		n += uint64(r.outputs[i].unsent)
	}
	return n
}

// Close frees the loop's memory.
func (r *Reference) Close() {
	C.cloop_table_free(&r.c.v4)
	C.cloop_table_free(&r.c.v6)
	C.free(unsafe.Pointer(r.c.outputs))
	C.free(unsafe.Pointer(r.c.count))
	C.free(unsafe.Pointer(r.c))
}
