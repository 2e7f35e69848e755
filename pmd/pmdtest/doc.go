// Package pmdtest has fakes of the pmd contract for unit tests: a runtime with
// pools whose every mbuf is accounted for, ports that a test feeds and empties,
// and two drivers, so that a worker with two poll sets can be tested. It needs
// neither DPDK nor root.
//
// The runtime's own poll set exchanges in Receive, as pmd/dpdk does; that of
// Runtime.OtherDriver sends in Send, as pmd/tap does. The mbufs lie outside the
// Go heap. When the test ends, the runtime fails it for each mbuf that was lost
// or freed twice, each poll set or vector left open, each poll set closed with
// packets to send, each port closed under a poll set, and each queue that two
// goroutines drove at once.
//
// The fakes lock, and copy frames where a driver would not: they measure
// nothing but the allocations and the time of what runs between them.
package pmdtest
