// Package memif makes a port of a shared memory interface, as VPP, DPDK and libmemif
// have it: protocol version 2.0, Ethernet frames.
//
// The server (master) listens on a socket; the client (slave) connects, and gives it
// memory with rings and buffers. A ring's producer of packets and its consumer each
// have a number of a slot, up to which they are done:
//
//	client to server   client: head  packets are there up to it
//	                   server: tail  has taken them up to it
//	server to client   client: head  buffers are there up to it
//	                   server: tail  packets are there up to it
//
// DPDK 22.11's own driver is not used: it gives memory back while a worker may be
// reading it when a peer ends, believes what stands in descriptors, ends the process
// when a peer leaves in the middle of its first words, and each of its ports is one of
// the 32 that Debian's build has.
//
// Ours copies each frame between the ring and an mbuf, and nothing that stands in the
// shared memory is believed: package peer says what a peer may do.
package memif
